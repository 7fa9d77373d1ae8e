"""JSON over HTTP for organisations and professionals, after the NL API Design Rules 2.1."""
