"""What hangs on which key: the data keys of sections and persons, under the wrapping keys; fields, under theirs."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from broker.domain.handovers import HandoverId, SectionId
from broker.domain.ports import SealedSection


class DataKeyStore(Protocol):
    """Wrapped data keys. What is replaced is replaced only while it is what it was when it was read."""

    async def counts(self) -> Mapping[str, int]:
        """How many data keys hang on each wrapping key, by its id; those on none are not there."""

    async def handovers_not_under(self, kid: str, after: str, limit: int) -> Sequence[HandoverId]:
        """Handovers with a section whose key another one wraps, above the id `after`, in order."""

    async def sections_not_under(self, kid: str, handover: HandoverId) -> Mapping[SectionId, SealedSection]:
        """Those sections."""

    async def rewrap_section(self, section: SectionId, old: SealedSection, new: SealedSection) -> bool:
        """Replace a section's wrapped key; False when it is another one meanwhile, or gone."""

    async def persons_not_under(self, kid: str, after: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """(tag, wrapped key) of persons' log keys that another key wraps, above the tag `after`, in order."""

    async def rewrap_person(self, tag: str, old: bytes, new: bytes) -> bool:
        """Replace a person's wrapped key; False when it is another one meanwhile, or gone."""

    async def fields_under(self, kid: str) -> int:
        """How many values of rows are encrypted under that field key."""
