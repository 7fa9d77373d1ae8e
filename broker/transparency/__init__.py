"""The tamper-evident log: hashing only; signing keys, checks and storage are put in from outside."""
