"""The privacy officer on a real broker after a real family's story: a passkey, who got what, why, and an intact log.

The officer never meets a name, a number or a text of the family, and what was typed to search is kept nowhere.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from broker.cli.families import read_family
from broker.cli.stage import Stage, today
from broker.cli.story import Story
from broker.cli.visitor import Visitor
from tests.e2e.acting import DESK, check_page, lines_of, opened, press, with_passkeys

ROOT = Path(__file__).resolve().parents[2]
TOM = "999990019"
SCHOOL, GP = "Basisschool De Regenboog", "Huisartsenpraktijk De Linde"


@dataclass
class Played:
    """A broker on which a family's story was told."""

    stage: Stage
    family: dict[str, Any]
    asks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def private(self) -> list[str]:
        """What an officer must never see: names, numbers, contacts, texts."""
        found: set[str] = set()
        for handover in self.family["handovers"].values():
            for person in handover["body"]["people"]:
                found |= {person["name"], *person["name"].split(), person["birthDate"]}
                found |= {i["value"] for i in person.get("identifiers", [])}
                found |= {c["value"] for c in person["contacts"]}
            found |= {section["content"][:30] for section in handover["body"]["sections"]}
        found |= {p["name"] for o in self.family["organisations"] for p in o["professionals"]}
        return sorted(text for text in found if len(text) > 4)  # "Tom" would be found in any hash


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    stage = Stage(tmp_path_factory.mktemp("stage"), ROOT / "policies")
    try:
        family = read_family("visser-de-bruin", today())
        keys = stage.prepare(family["organisations"])
        stage.start()
        visitors: list[Visitor] = []

        def visitor(url: str) -> Visitor:
            visitors.append(Visitor(url, stage.outbox))
            return visitors[-1]

        assert all(step.right for step in Story(family, keys, stage.url, visitor, stage.later).play())
        for each in visitors:
            each.close()
        yield Played(stage, family, [step for step in family["steps"] if "ask" in step])
    finally:
        stage.stop()


@dataclass
class Desk:
    """An officer's browser. `seen` is the text and markup of every page, `addresses` everything that was fetched."""

    page: Page
    url: str
    seen: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    def _see(self) -> None:
        self.seen.append(self.page.content())

    def go(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")
        self._see()

    def press(self, selector: str) -> None:
        press(self.page, selector)
        self._see()

    def use_passkey(self, how: str) -> None:
        self.page.click(f"[data-passkey={how}]")
        self.page.wait_for_url("**/console/start")
        self._see()

    def rows(self) -> list[str]:
        return lines_of(self.page)

    def search(self, **fields: str) -> list[str]:
        self.go("/console/disclosures")
        for name, value in fields.items():
            element = self.page.locator(f".rd-filter [name={name}]")
            if name in ("organisation", "outcome"):
                element.select_option(label=value)
            else:
                element.fill(value)
        self.press(".rd-filter button")
        return self.rows()


@contextmanager
def desk(browser: Browser, played: Played, language: str) -> Iterator[Desk]:
    """A fresh browser with a device for passkeys; at the end nothing private was ever on its screen."""
    with opened(browser, language, DESK) as page:
        with_passkeys(page)
        desk = Desk(page, played.stage.url)
        page.on("request", lambda request: desk.addresses.append(request.url))
        yield desk
        everything = "\n".join((*desk.seen, *desk.addresses))
        assert len(desk.seen) > 5
        assert [text for text in played.private if text in everything] == []


def register(desk: Desk, played: Played) -> None:
    """Come in by invitation, and make a passkey."""
    code = played.stage.run("officers", "invite", "Privacy officer").split()[-1]
    desk.go(f"/console/invitation#{code}")
    expect(desk.page.locator("#code")).to_have_value(code)
    desk.press("main .rd-wide")
    desk.use_passkey("create")
    assert code not in desk.page.content()


def words(language: str, nl: str, en: str) -> str:
    return nl if language == "nl" else en


@pytest.mark.slow
@pytest.mark.parametrize("language", ["nl", "en"])
def test_an_officer_sees_who_got_what_and_why(browser: Browser, played: Played, language: str) -> None:
    with desk(browser, played, language) as desk_:
        _oversee(desk_, played, language)


def _oversee(desk: Desk, played: Played, language: str) -> None:
    page = desk.page
    desk.go("/console/disclosures")
    assert page.url == f"{desk.url}/console"
    register(desk, played)
    desk.go("/console/disclosures")

    # every request of the story, permitted or not
    assert len(desk.rows()) == len(played.asks)
    refused = words(language, "Geweigerd", "Refused")
    assert sum(refused in row for row in desk.rows()) == sum(not ask["gets"] for ask in played.asks)

    # by organisation, outcome, period, and all of them together
    by_school = desk.search(organisation=SCHOOL)
    assert len(by_school) == sum(ask["ask"]["by"] in ("ib-joris", "pt-anneke") for ask in played.asks)
    asked_by_school = [row for row in by_school if row.split("\t")[2].startswith(SCHOOL)]
    assert len(asked_by_school) == sum(ask["ask"]["by"] == "ib-joris" for ask in played.asks)
    released = words(language, "Vrijgegeven", "Released")
    (one,) = desk.search(outcome=released)
    assert released in one
    (one,) = desk.search(organisation=GP, outcome=words(language, "Deels vrijgegeven", "Partly released"))
    assert GP in one
    day = today()
    early, late = (day - timedelta(2)).isoformat(), (day + timedelta(2)).isoformat()
    assert len(desk.search(first_day=early, last_day=late)) == len(played.asks)
    assert desk.search(first_day=late) == []
    assert desk.search(last_day=early) == []
    expect(page.locator("main")).to_contain_text(words(language, "geen regels bij", "no lines for this search"))

    # by person: the number is typed, searched for, and gone
    about_tom = desk.search(identifier=TOM)
    assert len(about_tom) == sum(ask["ask"]["handover"] == "tom-to-school" for ask in played.asks)
    assert page.input_value("#identifier") == ""
    assert page.url == f"{desk.url}/console/disclosures"
    assert len({row.split("\t")[3] for row in about_tom}) == 1  # one pseudonym, and not that of his brothers
    assert len({row.split("\t")[3] for row in desk.search()}) == 3
    assert desk.search(identifier="999990007") == []
    expect(page.locator("main")).to_contain_text(words(language, "Niemand met dit BSN", "Nobody with this BSN"))
    check_page(page, "unknown number", language)

    # why: partly released, with every signer by pseudonym and answer, the rules and the agreement
    desk.search(identifier=TOM, outcome=words(language, "Deels vrijgegeven", "Partly released"))
    desk.press("tbody a")
    check_page(page, "partly", language)
    plan = page.locator("section.rd-card", has_text=words(language, "Veiligheidsplan", "Safety plan"))
    answers = plan.locator("tbody tr .rd-badge").all_inner_texts()
    given, said_no = words(language, "Ja gezegd", "Said yes"), words(language, "Nee gezegd", "Said no")
    assert sorted(text.strip() for text in answers) == sorted([given, given, said_no, said_no])
    pseudonyms = set(plan.locator("tbody abbr").evaluate_all("all => all.map(one => one.title)"))
    shown = plan.locator("tbody abbr").all_inner_texts()
    assert len(set(shown)) == len(pseudonyms) >= 6  # Tom, his parents, and their answers can be told apart
    expect(plan).to_contain_text("school-support-coordinator")
    expect(page.locator("main")).to_contain_text(played.stage.run("policies", "check").split()[-1].strip("."))
    facts = page.locator(".rd-facts--wide dt").all_inner_texts()
    assert words(language, "Overdracht", "Handover") in facts
    assert not set(facts) & {"handover", "release", "concerned", "record", "evidence", "state", "types", "outcome"}

    # refused as a whole: not a recipient
    desk.search(organisation="Novadic")
    desk.press("tbody a")
    check_page(page, "not a recipient", language)
    expect(page.locator("main")).to_contain_text(
        words(language, "De overdracht is niet aan deze rol gericht.", "The handover is not addressed to this role.")
    )

    # who answered, not who asked: an answer is the signer's own
    desk.search(outcome=words(language, "Overige regels", "Other events"))
    yes, older = words(language, "Ja gezegd", "Consent given"), words(language, "Oudere regels", "Older lines")
    while not (said := [row for row in desk.rows() if yes in row]):
        desk.press(f"button:has-text('{older}')")
    assert not any(row.split("\t")[2].startswith(("PlusTeam", SCHOOL)) for row in said)
    desk.press(f"tr:has-text('{yes}') a")
    check_page(page, "an answer", language)
    expect(page.locator("main")).to_contain_text(words(language, "Wie antwoordde", "Who answered"))

    # the log
    desk.go("/console/log")
    desk.press("main form button")
    expect(page.locator(".utrecht-alert--ok")).to_contain_text(
        words(language, "Het logboek klopte", "The log was intact")
    )
    check_page(page, "the log", language)

    # out, and in again with the passkey alone
    desk.press("footer button")
    assert page.url == f"{desk.url}/console"
    desk.go("/console/disclosures")
    assert page.url == f"{desk.url}/console"
    desk.use_passkey("get")
    desk.go("/console/disclosures")
    assert len(desk.rows()) == len(played.asks)
    assert all(TOM not in address for address in desk.addresses)
    assert all("?" not in address for address in desk.addresses)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["nl", "en"])
def test_an_officer_sees_that_the_log_was_changed(browser: Browser, played: Played, language: str) -> None:
    database = played.stage.directory / "broker.db"
    with desk(browser, played, language) as desk_:
        register(desk_, played)
        desk_.go("/console/log")
        desk_.press("main form button")
        expect(desk_.page.locator(".utrecht-alert--ok")).to_be_visible()
        with rewritten(database):
            desk_.press("main form button")
            alarm = desk_.page.locator(".utrecht-alert--error")
            expect(alarm).to_contain_text(words(language, "Het logboek klopt niet", "The log is not intact"))
            expect(alarm).to_contain_text(words(language, "Gecontroleerd op", "Checked on"))
            check_page(desk_.page, "not intact", language)
            assert desk_.page.locator(".utrecht-alert--ok").count() == 0
        desk_.press("main form button")
        expect(desk_.page.locator(".utrecht-alert--ok")).to_be_visible()


@contextmanager
def rewritten(database: Path) -> Iterator[None]:
    """As a database administrator would: a refusal becomes a permit, one word of one line. Afterwards all is as before."""
    with closing(sqlite3.connect(database, isolation_level=None, timeout=10)) as admin:
        triggers = admin.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'log_entry'"
        ).fetchall()
        assert triggers
        (place, leaf), *_ = admin.execute(
            """SELECT rowid, leaf FROM log_entry WHERE CAST(leaf AS TEXT) LIKE '%"denied"%' """
        ).fetchall()
        for name, _ in triggers:
            admin.execute(f"DROP TRIGGER {name}")
        admin.execute(
            "UPDATE log_entry SET leaf = ? WHERE rowid = ?", [leaf.replace(b'"denied"', b'"permitted"'), place]
        )
        try:
            yield
        finally:
            admin.execute("UPDATE log_entry SET leaf = ? WHERE rowid = ?", [leaf, place])
            for _, sql in triggers:
                admin.execute(sql)
