"""What domain.md allows, for the broker to be compared with: a list of facts, a list of what was said, a look back."""

from dataclasses import dataclass, field
from datetime import date
from itertools import product

Cell = tuple[str, str, tuple[str, str], str, str]  # signer, person, (sender, purpose), reader, section type


@dataclass(frozen=True)
class Part:  # one section
    type: str
    about: frozenset[str]
    hidden_from: frozenset[str]
    text: str


@dataclass(frozen=True)
class Handover:  # the version in force
    place: tuple[str, str]  # sender and purpose
    parts: tuple[Part, ...]
    readers: frozenset[str]
    yes_until: date
    kept_until: date
    supporters: frozenset[tuple[str, str]]  # who is asked, about whom


@dataclass
class Model:
    births: dict[str, set[date]] = field(default_factory=dict)
    gezag: set[tuple[str, str, date, date | None]] = field(default_factory=set)  # holder, over, first and last day
    judged: dict[str, dict[str, date | None]] = field(default_factory=dict)  # unable until review, as each sender says
    said: list[tuple[Cell, bool, date, date, bool]] = field(default_factory=list)  # yes? when? until? a say?
    agreed: frozenset[tuple[str, str, str]] = frozenset()  # purpose, reader, section type
    doubted: frozenset[str] = frozenset()  # whose code may go to somebody else

    def signers(self, who: str, day: date) -> set[str]:  # by every reading of the facts; "nobody" never says yes
        needed = set()
        for born, review in product(self.births[who], set(self.judged[who].values())):
            years = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
            hold = {a for a, b, first, last in self.gezag if b == who and first <= day <= (last or day) and years < 18}
            able = {a if set(self.judged[a].values()) == {None} else "nobody" for a in hold} or {"nobody"}
            needed |= {who} if review is None and years >= 12 else set()
            needed |= able if review is not None or years < 16 else set()
            needed |= {"nobody"} if review is not None and review < day else set()
        return needed

    def asked(self, signer: str, handover: Handover, day: date) -> set[tuple[str, str]]:  # (section type, person)
        asked, supported = set(), {who for supporter, who in handover.supporters if supporter == signer}
        for part in handover.parts if day <= handover.kept_until else ():
            signs = {who for who in part.about if signer in self.signers(who, day)}
            whole = part.about <= signs | supported  # a supporter hears of a part that is about nobody else
            if signer not in part.hidden_from:
                asked |= {(part.type, who) for who in (part.about if whole else signs)}
        return asked

    def says(self, signer: str, handover: Handover, no: frozenset[tuple[str, str]], day: date) -> None:
        for (kind, who), reader in product(self.asked(signer, handover, day), handover.readers):
            cell, yes = (signer, who, handover.place, reader, kind), (kind, reader) not in no
            self.said.append((cell, yes, day, handover.yes_until, signer in self.signers(who, day)))

    def stops(self, signer: str, place: tuple[str, str], reader: str, kinds: frozenset[str], day: date) -> None:
        cells = [(signer, who, place, reader, kind) for who, kind in product(self.births, kinds)]
        self.said += [(cell, False, day, day, False) for cell in cells]

    def yes(self, cell: Cell, day: date) -> bool:
        _, yes, when, until, has_a_say = [(cell, False, day, day, False), *(s for s in self.said if s[0] == cell)][-1]
        held = [(first, last) for a, b, first, last in self.gezag if (a, b) == cell[:2] and first <= when]
        stands = cell[0] == cell[1] or any(first <= day <= (last or day) for first, last in held)
        return yes and day <= until and has_a_say and stands and cell[0] not in self.doubted

    def leaves(self, handover: Handover, reader: str, day: date) -> set[str]:  # the texts that this reader may get
        texts = set()
        for part in handover.parts if reader in handover.readers and day <= handover.kept_until else ():
            needed = {(signer, who) for who in part.about for signer in self.signers(who, day)}
            told = all(self.yes((*pair, handover.place, reader, part.type), day) for pair in needed)
            agreed = (handover.place[1], reader, part.type) in self.agreed
            shielded = part.hidden_from & {signer for signer, _ in needed}
            texts |= {part.text} if told and agreed and not shielded else set()
        return texts
