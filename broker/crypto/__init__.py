"""Keys, signatures, envelopes and codes: the only room that touches cryptography, jwt and webauthn."""
