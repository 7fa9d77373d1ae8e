"""The command line: for the operator, and for whoever wants to try the broker out."""
