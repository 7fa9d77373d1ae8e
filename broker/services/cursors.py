"""Where a list goes on: a text that only its own caller can use, and nobody can read.

Sealed, not only signed: the last that was looked at can be something closed, whose id is nobody's to know.
"""

from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass

from broker.domain.ports import FieldSeal
from broker.errors import Invalid, Tampered

LONGEST = 400


@dataclass(frozen=True, slots=True)
class Place:
    """One list of one caller: its cursors fit no other."""

    fields: FieldSeal
    box: str
    organisation: str
    role: str

    def written(self, last: str) -> str:
        """The cursor of what comes after the handover with this id."""
        return urlsafe_b64encode(self.fields.seal(self._context(), last)).rstrip(b"=").decode()

    def read(self, cursor: str) -> str:
        """The id; empty for no cursor. Raises Invalid for one that was not given to this caller, for this list."""
        if not cursor:
            return ""
        try:
            sealed = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            return self.fields.open(self._context(), sealed)
        except (Tampered, ValueError):
            raise Invalid.at(
                "/after",
                "Deze cursor hoort niet bij deze lijst van u. Neem next van de vorige pagina over, of laat after weg.",
                "This cursor is none of this list of yours. Take next of the page before, or leave out after.",
            ) from None

    def _context(self) -> str:
        return f"cursor:{self.box}:{self.organisation}:{self.role}"
