"""The log read back for outsiders, batch by batch: what leaves is what is stored, and nothing is held in memory.

It believes nothing that it reads and checks nothing either: whoever gets a bundle checks it (`bundles.verify_bundle`).
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from broker.domain.events import EntryId, Opening
from broker.domain.log_ports import Selection
from broker.domain.stores import Storage, StoredEntry, UnitOfWork
from broker.errors import NotFound
from broker.transparency import bundles, tiles, zips
from broker.transparency.canonical import to_base64url
from broker.transparency.checkpoints import MOST_SIGNATURES
from broker.transparency.pocket import pocket_receipts
from broker.transparency.proofs import InclusionProof

BATCH = 256
PIECE = 1 << 16
"""Bytes of a bundle that leave together."""
NEAR, LOOK = 256, 16
"""How many entries further a bundle may go to end where witnesses cosigned, and at how many checkpoints it looks."""


class _Pieces:
    """What was made of a bundle and has not left yet."""

    def __init__(self) -> None:
        self._made = bytearray()

    def __len__(self) -> int:
        return len(self._made)

    def write(self, data: bytes) -> None:
        self._made += data

    def taken(self) -> bytes:
        """What was written since it was taken last."""
        data = bytes(self._made)
        self._made.clear()
        return data


class Archive:
    """See `LogArchive`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def entries(
        self, span: tuple[int, int], selection: Selection
    ) -> AsyncIterator[tuple[StoredEntry, Sequence[Opening] | None]]:
        """Each entry of these places with its openings; None instead for one that was not selected by what it says."""
        (first, end), person, naming = span, selection.person, selection.naming
        for at in range(first, end, BATCH):
            async with self._storage(writing=False) as work:
                found = await work.checkpoints.leaves(at, min(BATCH, end - at))
                ids = [entry.id for entry in found]
                wanted = await work.log.about(person, ids) if person else frozenset(ids)
                openings = await work.log.openings_of([entry for entry in ids if entry in wanted])
            for entry in found:
                given = openings.get(entry.id, ()) if entry.id in wanted else None
                if given is not None and naming and not any((o.field, o.value) in naming for o in given):
                    given = None
                yield entry, given

    async def packed(self, span: tuple[int, int], selection: Selection, tick: Any) -> AsyncIterator[bytes]:
        """An officer's bundle of these places, piece by piece.

        Raises NotFound when no checkpoint covers them, Conflict when it becomes larger than 4 GiB.
        """
        async with self._storage(writing=False) as work:
            first, last = await work.checkpoints.around(*span)
            if last is not None:
                last = await _cosigned(work, last, last[0] + NEAR)
            if last is None or last[0] == 0:
                raise NotFound
            old = first[0] if first else 0
            growth = await _growth(work, old, last[0])
        kids: set[str] = set()
        made = _Pieces()
        packing = zips.Packing(made.write)
        packing.begin(bundles.ENTRIES)
        async for entry, openings in self.entries((old, last[0]), selection):
            kids.add(entry.receipt.kid)
            packing.write(bundles.line_of(_bundled(entry, openings)))
            tick(1)
            if len(made) >= PIECE:
                yield made.taken()
        packing.end()
        small = {bundles.MANIFEST: bundles.manifest_of(sorted(kids)), bundles.GROWTH: growth}
        notes = {bundles.LAST: last, **({bundles.FIRST: first} if first else {})}
        for name, data in (small | {name: note[1].encode() for name, note in notes.items()}).items():
            packing.add(name, data)
        packing.close()
        yield made.taken()

    def pocket(self, entries: Sequence[StoredEntry]) -> tuple[str, ...]:
        """These entries as receipts for paper, each for one QR."""
        return pocket_receipts(entries)

    async def proven(self, entries: Sequence[tuple[StoredEntry, Sequence[Opening]]]) -> dict[str, Any]:
        """A family's bundle: each entry with its receipt, these openings and its proof, all to one checkpoint."""
        async with self._storage(writing=False) as work:
            latest = await work.checkpoints.latest()
            if latest is not None and entries:
                needed = max((latest[0] if entry.index is None else entry.index + 1) for entry, _ in entries)
                latest = await _cosigned(work, latest, latest[0], needed)
            made = [await _proven(work, entry, openings, latest) for entry, openings in entries]
        return {"v": 1, "kind": bundles.FAMILY, "entries": made}


async def _cosigned(
    work: UnitOfWork, plain: tuple[int, str], largest: int, smallest: int | None = None
) -> tuple[int, str]:
    """A checkpoint of these sizes with the cosignatures that it has, by most witnesses; the plain one if none has any.

    Of as many the one nearest to the plain one. The smallest is the plain one's size, unless given.
    """
    size, least = plain[0], plain[0] if smallest is None else smallest
    found = [one for one in await work.witnesses.cosigned(1, largest + 1, LOOK) if one.size >= least]
    best = max(found, key=lambda one: (len(one.lines), -abs(one.size - size)), default=None)
    if best is None:
        return plain
    lines = best.lines[: MOST_SIGNATURES - 1]
    return best.size, best.note + "".join(f"{line}\n" for line in lines)


async def _proven(
    work: UnitOfWork, entry: StoredEntry, openings: Sequence[Opening], latest: tuple[int, str] | None
) -> dict[str, Any]:
    return {
        "v": 1,
        "leaf": to_base64url(entry.leaf),
        "receipt": {"kid": entry.receipt.kid, "signature": to_base64url(entry.receipt.signature)},
        "proof": await _proof(work, entry.id, latest) if latest else None,
        "openings": bundles.openings_json(openings),
    }


async def _proof(work: UnitOfWork, entry: EntryId, latest: tuple[int, str]) -> str | None:
    size, note = latest
    index = await work.checkpoints.index_of(entry)
    if index is None or index >= size:
        return None
    data = await work.tree.tiles(tiles.tiles_for_inclusion(index, size))
    return InclusionProof(index, size, tiles.inclusion_proof(index, size, data), note).text()


async def _growth(work: UnitOfWork, old: int, new: int) -> bytes:
    """Peaks of the old tree, and the proof that the new one extends it."""
    data = await work.tree.tiles({*tiles.frontier(old), *tiles.tiles_for_consistency(old, new)})
    return bundles.growth_of(tiles.peaks(old, data), tiles.consistency_proof(old, new, data))


def _bundled(entry: StoredEntry, openings: Sequence[Opening] | None) -> bundles.Bundled:
    given = None if openings is None else tuple(openings)
    return bundles.Bundled(entry.index or 0, entry.leaf, entry.receipt.kid, entry.receipt.signature, given)
