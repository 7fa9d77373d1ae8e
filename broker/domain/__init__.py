"""The rules of consent and release as pure functions: no clock, no randomness, no input or output."""
