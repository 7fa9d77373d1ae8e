"""The file of names: who must be told by every reading of the facts, and no cell that a spreadsheet would run."""

import csv
import io
from datetime import UTC, date, datetime

import pytest

from broker.domain.names import COLUMNS, Affected, LeftOut, Told, file_of, to_tell
from broker.domain.parties import Authority, Inability, Person, PersonId
from broker.domain.signers import AuthorityRule, SignerRule, SignerTable
from broker.errors import Words

NOW = datetime(2026, 9, 21, 12, tzinfo=UTC)
CHILD, MOTHER, FATHER = PersonId("child"), PersonId("mother"), PersonId("father")
TABLE = SignerTable(
    (SignerRule(0, False, True, ()), SignerRule(12, True, True, ()), SignerRule(16, True, False, ())),
    (AuthorityRule("parental", 0, 18, ()),),
)


def over(holder: PersonId, since: date = date(2000, 1, 1), *, able: bool = True) -> Authority:
    return Authority(holder, CHILD, "parental", since, None, able)


def born(*years: int) -> frozenset[date]:
    return frozenset(date(2026 - year, 1, 1) for year in years)


BOTH = (over(MOTHER), over(FATHER))


@pytest.mark.parametrize(
    ("births", "authorities", "expected"),
    [
        (born(8), BOTH, ({MOTHER, FATHER}, True)),
        (born(13), BOTH, ({MOTHER, FATHER}, True)),
        (born(16), BOTH, ({CHILD}, True)),
        (born(40), (), ({CHILD}, True)),
        (born(15, 17), BOTH, (set(), False)),
        (born(10, 13), BOTH, ({MOTHER, FATHER}, True)),
        (born(8), (), (set(), False)),
        (born(13), (), (set(), False)),
        (born(8), (over(MOTHER), over(FATHER, able=False)), ({MOTHER}, False)),
        (born(8), (over(MOTHER), over(FATHER, date(2027, 1, 1))), ({MOTHER}, True)),
        (frozenset(), BOTH, (set(), False)),
    ],
)
def test_told_is_who_decides_alone_else_who_holds_authority_now(
    births: frozenset[date], authorities: tuple[Authority, ...], expected: tuple[set[PersonId], bool]
) -> None:
    assert to_tell(Person(CHILD, births), authorities, TABLE, NOW) == expected


def test_of_who_cannot_decide_it_is_told_to_who_decides_for_them() -> None:
    unable = Person(CHILD, born(17), frozenset({Inability(date(2027, 1, 1))}))
    assert to_tell(unable, BOTH, TABLE, NOW) == ({MOTHER, FATHER}, True)
    disputed = Person(CHILD, born(17), frozenset({None, Inability(date(2027, 1, 1))}))
    assert to_tell(disputed, BOTH, TABLE, NOW) == (set(), False)


def test_authority_over_somebody_else_tells_nobody() -> None:
    others = (Authority(MOTHER, FATHER, "parental", date(2000, 1, 1)),)
    assert to_tell(Person(CHILD, born(8)), others, TABLE, NOW) == (set(), False)


def affected(*told: Told, name: str = "Zoë", left_out: tuple[LeftOut, ...] = ()) -> Affected:
    section = Words("Tijdlijn", "Timeline")
    return Affected(CHILD, (name, "Z."), (date(2018, 1, 2),), 2, 1, NOW, NOW, (section,), ("Wijkteam",), told, left_out)


def cells(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_a_row_for_everybody_to_tell_and_one_where_nobody_is() -> None:
    told = [Told(False, ("Ada",), ("sms: +31600000011",)), Told(False, ("Bo",), (), (LeftOut.CONTACT,))]
    content = file_of([affected(*told), affected(left_out=(LeftOut.NOBODY,))], 3, lambda words: words.en)
    assert content.startswith(b"\xef\xbb\xbf"), "a spreadsheet reads the names as they are"
    header, ada, bo, nobody, erased = cells(content)
    assert tuple(header) == COLUMNS
    assert {len(row) for row in (ada, bo, nobody, erased)} == {len(COLUMNS)}
    assert ada[:3] == ["child", "Zoë / Z.", "2018-01-02"]
    assert ada[3:9] == ["2", "1", "2026-09-21T14:00+02:00", "2026-09-21T14:00+02:00", "Timeline", "Wijkteam"]
    assert ada[9:] == ["who holds authority", "Ada", "sms: +31600000011", ""]
    assert (bo[10], bo[11], "contact" in bo[12]) == ("Bo", "", True)
    assert (nobody[9:12], "Left out: whom to tell" in nobody[12]) == (["", "", ""], True)
    assert erased[:-1] == [""] * (len(COLUMNS) - 1)
    assert erased[-1].startswith("3: ")


@pytest.mark.parametrize("hostile", ["=1+1", "+31", "-1", "@SUM(A1)", " =1", "\t=1", "\r\n=1", "\u00a0=1"])
def test_no_name_is_a_formula(hostile: str) -> None:
    content = file_of([affected(Told(True, (hostile,), ()), name=hostile)], 0, lambda words: words.nl)
    row = cells(content)[1]
    assert row[1].startswith("'"), row[1]
    assert row[10].startswith("'"), row[10]
    assert row[9] == "de jongere zelf"
    quoted = cells(file_of([affected(name='Jan "=x", Piet')], 0, lambda words: words.nl))[1]
    assert quoted[1] == 'Jan "=x", Piet / Z.'


def test_nothing_prints_who_it_is() -> None:
    said = repr(affected(Told(True, ("Ada",), ("sms: +31600000011",))))
    assert not any(secret in said for secret in ("Zoë", "2018", "Ada", "+316"))
