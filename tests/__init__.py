"""The tests: unit, integration, e2e, and one module per promise."""
