"""Each promise of the broker, attacked on the real application."""
