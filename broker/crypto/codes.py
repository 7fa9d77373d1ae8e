"""Invitation codes, one-time codes and session tokens: random, easy to read aloud where people type them.

- An invitation code has 60 bits in twelve signs without 0, 1, I and O; a one-time code six digits, few tries, ten minutes.
- Codes are compared by keyed tag only, never stored.
"""

import secrets

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class Codes:
    """Makes codes and tokens from the system's randomness."""

    def invitation(self) -> str:
        """Twelve signs in three groups, such as `K7QD-9F2M-X4TB`."""
        signs = "".join(secrets.choice(ALPHABET) for _ in range(12))
        return f"{signs[:4]}-{signs[4:8]}-{signs[8:]}"

    def one_time(self) -> str:
        """Six digits."""
        return f"{secrets.randbelow(10**6):06d}"

    def token(self) -> str:
        """256 bits for a session."""
        return secrets.token_urlsafe(32)

    @staticmethod
    def normal(typed: str) -> str:
        """What somebody typed, as it was made: capitals, without spaces and dashes; at most 64 signs are looked at."""
        return "".join(sign for sign in typed[:64].upper() if sign in ALPHABET)
