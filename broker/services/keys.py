"""The life of the broker's own keys: a new one, data keys moved under it, the old one destroyed; each is logged first.

- Rotated: the new key does all new work at once; older ones go on opening and verifying.
- Rewrapped: every data key comes under the current wrapping key, in small transactions, while brokers serve. What is
  left is what hangs on another key, so that it may stop anywhere and go on later.
- Retired: only what nobody uses any more, and not before every broker has noticed its successor.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from broker.domain.events import EventType, LogEvent
from broker.domain.handovers import HandoverId
from broker.domain.keys import (
    NOT_ROTATED,
    ROTATED,
    KeyAction,
    KeyCabinet,
    KeyFacts,
    KeyPurpose,
    KeyState,
    KeyStore,
)
from broker.domain.ports import Rewrapping, place_of
from broker.errors import BrokerError, Conflict, NotFound, Unavailable, Unsafe, Words
from broker.services.house import House

SETTLING = timedelta(minutes=5)
"""A token lives so long, and no broker works on with an older key for longer than that."""
BATCH = 100

Tick = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How many data keys were moved, and the ids of what could not be opened."""

    moved: int
    failed: tuple[str, ...]


class KeyLife:
    """The use cases of whoever keeps the keys."""

    def __init__(self, house: House, cabinet: KeyCabinet, rewrapping: Rewrapping) -> None:
        self._house = house
        self._cabinet = cabinet
        self._rewrapping = rewrapping

    async def all(self) -> Sequence[KeyFacts]:
        """Every key, by purpose, oldest first."""
        return await asyncio.to_thread(self._cabinet.all)

    async def usage(self) -> Mapping[str, int]:
        """How many data keys hang on each wrapping key, by its id."""
        async with self._house.storage(writing=False) as work:
            return await work.data_keys.counts()

    # rotate

    async def rotate(self, purposes: Sequence[KeyPurpose] = (), store: KeyStore | None = None) -> Sequence[KeyFacts]:
        """A new key for each of these purposes, or for all that can be rotated.

        Wrapping keys are made in `store`, or where the current one lives; all others in files. Raises Conflict for a
        purpose that cannot be rotated, and Unsafe when the store is not there; then nothing was changed.
        """
        for purpose in purposes:
            if purpose in NOT_ROTATED:
                raise Conflict(NOT_ROTATED[purpose])
        wanted = tuple(dict.fromkeys(purposes)) or ROTATED
        if store not in (None, KeyStore.FILE) and KeyPurpose.WRAPPING not in wanted:
            raise Unsafe(_ONLY_WRAPPING)
        if store is None:
            store = (await self._current(KeyPurpose.WRAPPING)).store
        # What may fail most easily goes first, so that nothing was changed then.
        order = sorted(wanted, key=lambda purpose: purpose is not KeyPurpose.WRAPPING)
        return [await self._new(p, store if p is KeyPurpose.WRAPPING else KeyStore.FILE) for p in order]

    async def _new(self, purpose: KeyPurpose, store: KeyStore) -> KeyFacts:
        now = self._house.clock()
        key = await asyncio.to_thread(self._cabinet.prepare, purpose, store, now)
        try:
            await self._log(key, KeyAction.ROTATED, now)
        except BaseException:
            await asyncio.to_thread(self._cabinet.forget, key.kid)
            raise
        await asyncio.to_thread(self._cabinet.keep, key.kid)
        return key

    # rewrap

    async def left(self) -> int:
        """How many data keys hang on another wrapping key than the current one."""
        kid = await self._house.aside(self._rewrapping.wrapping_kid)
        return sum(count for name, count in (await self.usage()).items() if name != kid)

    async def rewrap(self, tick: Tick = lambda _: None) -> Rewrapped:
        """Put every data key under the current wrapping key; `tick` hears how many more were.

        It goes round until nothing is left but what cannot be opened. Raises Unavailable when database or key store
        stop answering: what was done stays done.
        """
        if not await self.left():
            return Rewrapped(0, ())
        await self._log(await self._current(KeyPurpose.WRAPPING), KeyAction.REWRAPPED, self._house.clock())
        moved, before = 0, None
        while True:
            failed: list[str] = []
            changed = await self._sections(failed, tick) + await self._persons(failed, tick)
            moved += changed
            if not changed and failed == before:
                return Rewrapped(moved, tuple(failed))
            before = failed

    async def _sections(self, failed: list[str], tick: Tick) -> int:
        changed, after = 0, ""
        while True:
            kid = await self._house.aside(self._rewrapping.wrapping_kid)
            async with self._house.storage(writing=False) as work:
                found = await work.data_keys.handovers_not_under(kid, after, BATCH)
            if not found:
                return changed
            for handover in found:
                changed += await self._handover(handover, kid, failed, tick)
            after = found[-1]

    async def _handover(self, identity: HandoverId, kid: str, failed: list[str], tick: Tick) -> int:
        """One handover: read, rewrap outside any transaction, and replace what is still what was read.

        The handover is locked as a release locks it: a correction or a withdrawal goes first, or waits.
        """
        house, fresh = self._house, []
        async with house.storage(writing=False) as work:
            sealed = await work.data_keys.sections_not_under(kid, identity)
            try:
                handover = await work.handovers.get(identity)
            except BrokerError as error:
                _raise_unless_lost(error)
                handover = None
        sections = {section.id: section for section in handover.sections} if handover else {}
        for section, old in sealed.items():
            if handover is None or section not in sections:
                failed.append(section)
                continue
            try:
                new = await house.aside(self._rewrapping.rewrap, place_of(handover, sections[section]), old)
            except BrokerError as error:
                _raise_unless_lost(error)
                failed.append(section)
            else:
                fresh.append((section, old, new))
        if not fresh:
            return 0
        async with house.storage() as work:
            await work.handovers.get(identity, lock="shared")
            changed = [await work.data_keys.rewrap_section(*each) for each in fresh].count(True)
            await work.commit()
        tick(changed)
        return changed

    async def _persons(self, failed: list[str], tick: Tick) -> int:
        changed, after = 0, ""
        while True:
            kid = await self._house.aside(self._rewrapping.wrapping_kid)
            async with self._house.storage(writing=False) as work:
                found = await work.data_keys.persons_not_under(kid, after, BATCH)
            if not found:
                return changed
            fresh = []
            for tag, old in found:
                try:
                    new = await self._house.aside(self._rewrapping.rewrap_subject_key, tag, old)
                except BrokerError as error:
                    _raise_unless_lost(error)
                    failed.append(tag)
                else:
                    fresh.append((tag, old, new))
            async with self._house.storage() as work:
                done = [await work.data_keys.rewrap_person(*each) for each in fresh].count(True)
                await work.commit()
            tick(done)
            changed += done
            after = found[-1][0]

    # retire

    async def retire(self, kid: str, *, dry_run: bool = False) -> Words | None:
        """Destroy a key that nobody uses any more; of a signing key the private half.

        Returns what is left for the operator to do, if anything. Raises NotFound, Conflict with the reason why not,
        and Unsafe when the store that holds the key does not answer. With `dry_run` nothing is changed.
        """
        every, now = await self.all(), self._house.clock()
        key = next((key for key in every if key.kid == kid), None)
        if key is None:
            raise NotFound(_NO_SUCH_KEY)
        await self._check_unused(key, every, now)
        if dry_run:
            return None
        await self._log(key, KeyAction.RETIRED, now)
        return await asyncio.to_thread(self._cabinet.destroy, kid)

    async def _check_unused(self, key: KeyFacts, every: Sequence[KeyFacts], now: datetime) -> None:
        """Raises Conflict, with the reason."""
        if key.purpose in NOT_ROTATED:
            raise Conflict(NOT_ROTATED[key.purpose])
        if key.state is KeyState.PUBLIC:
            raise Conflict(_RETIRED_BEFORE)
        if key.state is KeyState.IN_USE:
            raise Conflict(_CURRENT)
        younger = [k for k in every if k.purpose is key.purpose and k.created > key.created]
        if any(k.state is not KeyState.PUBLIC for k in younger):
            settled = min(k.created for k in younger if k.state is not KeyState.PUBLIC) + SETTLING
            if now < settled:
                raise Conflict(_too_soon(settled))
        async with self._house.storage(writing=False) as work:
            if key.purpose is KeyPurpose.WRAPPING and (count := (await work.data_keys.counts()).get(key.kid, 0)):
                raise Conflict(_wraps(count))
            if key.purpose is KeyPurpose.FIELDS and (count := await work.data_keys.fields_under(key.kid)):
                raise Conflict(_encrypts(count))

    async def _current(self, purpose: KeyPurpose) -> KeyFacts:
        return next(k for k in await self.all() if k.purpose is purpose and k.state is KeyState.IN_USE)

    async def _log(self, key: KeyFacts, action: KeyAction, now: datetime) -> None:
        """No change of keys without its entry."""
        facts = {"purpose": key.purpose.value, "kid": key.kid, "action": action.value}
        async with self._house.storage() as work:
            await work.log.append(LogEvent(EventType.KEYS_CHANGED, now, facts=facts))
            await work.commit()
        self._house.log.kick()


def _raise_unless_lost(error: BrokerError) -> None:
    """Go on past what cannot be opened at all; stop where something does not answer now."""
    if isinstance(error, Unavailable) and error.code != "key-missing":
        raise error


_ONLY_WRAPPING = Words(
    "Alleen sleutels voor wrapping kunnen ergens anders wonen dan in een bestand. Geef: broker keys rotate wrapping",
    "Only wrapping keys can live anywhere else than in a file. Give: broker keys rotate wrapping",
)
_NO_SUCH_KEY = Words(
    "Er is geen sleutel met dit nummer. Zie: broker keys list",
    "There is no key with this id. See: broker keys list",
)
_RETIRED_BEFORE = Words(
    "Van deze sleutel is alleen de publieke helft er nog. Er is niets meer te vernietigen.",
    "Of this key only the public half is left. There is nothing more to destroy.",
)
_CURRENT = Words(
    "Deze sleutel is in gebruik. Maak eerst een nieuwe: broker keys rotate",
    "This key is in use. First make a new one: broker keys rotate",
)


def _too_soon(settled: datetime) -> Words:
    at = f"{settled:%Y-%m-%d %H:%M:%S} UTC"
    return Words(
        f"De opvolger van deze sleutel is pas gemaakt; een broker kan deze nog gebruiken. Probeer het na {at}.",
        f"The successor of this key was made just now; a broker may still use this one. Try again after {at}.",
    )


def _wraps(count: int) -> Words:
    return Words(
        f"Onder deze sleutel hangen nog {count} gegevenssleutels. Voer eerst uit: broker keys rewrap",
        f"There are still {count} data keys under this key. First run: broker keys rewrap",
    )


def _encrypts(count: int) -> Words:
    return Words(
        f"Met deze sleutel zijn nog {count} waarden versleuteld. Hij blijft nodig zolang die er zijn.",
        f"There are still {count} values encrypted under this key. It is needed for as long as they are there.",
    )
