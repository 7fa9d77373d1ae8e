"""The use cases, one transaction each: here, and only here, a decision is enforced."""
