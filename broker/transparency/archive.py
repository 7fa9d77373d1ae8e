"""The log read back for outsiders, batch by batch: what leaves is what is stored, and nothing is held in memory.

It believes nothing that it reads and checks nothing either: whoever gets a bundle checks it (`bundles.verify_bundle`).
"""

from collections.abc import AsyncIterator, Sequence
from typing import IO, Any

from broker.domain.events import EntryId, Opening
from broker.domain.log_ports import Selection
from broker.domain.stores import Storage, StoredEntry, UnitOfWork
from broker.errors import NotFound
from broker.transparency import bundles, tiles, zips
from broker.transparency.canonical import to_base64url
from broker.transparency.proofs import InclusionProof

BATCH = 256


class Archive:
    """See `LogArchive`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def entries(
        self, span: tuple[int, int], person: str = ""
    ) -> AsyncIterator[tuple[StoredEntry, Sequence[Opening] | None]]:
        """Each entry of these places with its openings; None instead for one that is not about `person`, if given."""
        first, end = span
        for at in range(first, end, BATCH):
            async with self._storage(writing=False) as work:
                found = await work.checkpoints.leaves(at, min(BATCH, end - at))
                ids = [entry.id for entry in found]
                wanted = await work.log.about(person, ids) if person else frozenset(ids)
                openings = await work.log.openings_of([entry for entry in ids if entry in wanted])
            for entry in found:
                yield entry, (openings.get(entry.id, ()) if entry.id in wanted else None)

    async def bundle(self, file: IO[bytes], selection: Selection, tick: Any) -> None:
        """Write an officer's bundle. Raises NotFound when no checkpoint covers what was asked for, Conflict beyond 4 GiB."""
        async with self._storage(writing=False) as work:
            first, last = await work.checkpoints.around(*await work.checkpoints.span(selection.since, selection.until))
            if last is None or last[0] == 0:
                raise NotFound
            old = first[0] if first else 0
            growth = await _growth(work, old, last[0])
        kids = set()
        packing = zips.Packing(file)
        packing.begin(bundles.ENTRIES)
        async for entry, openings in self.entries((old, last[0]), selection.person):
            kids.add(entry.receipt.kid)
            packing.write(bundles.line_of(_bundled(entry, openings)))
            tick(1)
        packing.end()
        small = {bundles.MANIFEST: bundles.manifest_of(sorted(kids)), bundles.GROWTH: growth}
        notes = {bundles.LAST: last, **({bundles.FIRST: first} if first else {})}
        for name, data in (small | {name: note[1].encode() for name, note in notes.items()}).items():
            packing.add(name, data)
        packing.close()

    async def proven(self, entries: Sequence[tuple[StoredEntry, Sequence[Opening]]]) -> dict[str, Any]:
        """A family's bundle: each entry with its receipt, these openings and its proof, all to one checkpoint."""
        async with self._storage(writing=False) as work:
            latest = await work.checkpoints.latest()
            made = [await _proven(work, entry, openings, latest) for entry, openings in entries]
        return {"v": 1, "kind": bundles.FAMILY, "entries": made}


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
