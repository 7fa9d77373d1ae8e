"""Every statement of the views is answered from an index: nothing is read to the end, and nothing of any size is sorted.

On a log of some thousand lines, of which the planner knows how they are spread. What is said of a statement is what the
database says itself (EXPLAIN, EXPLAIN QUERY PLAN).
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from broker.domain.calendar import local_day
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.stores.folding import ASKED, KINDS, FoldSearch
from broker.services.standing import GIVING
from broker.storage import folding
from broker.storage import tables as t
from broker.storage.following import summed
from broker.storage.log import entries_by_id, rare_ids
from broker.storage.tree import in_line
from tests.bench.lines import ORGANISATIONS, Street, filled_with_lines
from tests.factories import NOW, Storeroom, a_storeroom
from tests.support.postgres import PostgresServer

SIZE = 12_000
LARGE = {
    "log_entry", "log_index", "log_opening", "log_subject_index", "log_fold", "log_fold_entry", "log_fold_about",
    "log_daily",
}  # fmt: skip
TODAY = local_day(NOW)
THIS, OTHER = ORGANISATIONS[3], ORGANISATIONS[4]
AT = (TODAY - timedelta(days=300), "01900000-0000-7000-8000-000000000000")


@pytest.fixture
async def store(database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Storeroom]:
    server: PostgresServer | None = None
    if not database_url.startswith("sqlite"):
        server = request.getfixturevalue("postgres_server")
    store = a_storeroom(database_url)
    await filled_with_lines(store, SIZE, NOW, server)
    yield store
    await store.database.close()


def searches() -> Iterator[tuple[str, FoldSearch]]:
    """Every combination of what an officer can fill in, by a name that says which."""
    child, reader = Street.person("child", 5), Street.person("reader", 3)
    for kinds in (ASKED, KINDS, ("denied",), ("other",)):
        for whom in ({}, {"person": child}, {"reader": reader}, {"person": child, "reader": reader}):
            for which in ({}, {"organisation": THIS}, {"party": THIS}, {"organisation": OTHER, "party": THIS}):
                for days in ({}, {"first": TODAY - timedelta(days=30), "last": TODAY}):
                    for before in (None, AT):
                        wanted = FoldSearch(kinds, **whom, **which, **days, before=before, limit=51)
                        yield f"{kinds} {sorted(whom)} {sorted(which)} {sorted(days)} {before}", wanted


async def plan_of(store: Storeroom, statement: sa.Select[Any]) -> list[str]:
    """What the database would do, one line for each step."""
    async with store.database.engine.connect() as connection:
        await connection.execution_options(writing=False)
        if store.sqlite:  # it plans by what stands in the statement, and knows nothing of what is bound to it
            bound = statement.compile(connection.sync_connection, compile_kwargs={"render_postcompile": True})
            values = (None,) * len(bound.positiontup or ())
            return [row.detail for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {bound}", values)]
        text = str(statement.compile(connection.sync_connection, compile_kwargs={"literal_binds": True}))
        text = text.replace("%%", "%")
        found = (await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {text}")).scalar_one()
    plan = found if isinstance(found, list) else json.loads(found)
    return list(steps(plan[0]["Plan"]))


def steps(node: dict[str, Any]) -> Iterator[str]:
    yield f"{node['Node Type']} {node.get('Relation Name', '')} rows={node['Plan Rows']}"
    for part in node.get("Plans", ()):
        yield from steps(part)


def faults_of(plan: list[str], *, sqlite: bool, most: int) -> list[str]:
    """Steps that read a large table to its end, or that sort or keep more than `most`."""
    if sqlite:
        read = [step for step in plan if (m := re.match(r"(?:SCAN|BLOOM FILTER ON) (\w+)", step)) and m[1] in LARGE]
        found = [step for step in read if not re.search("USING (COVERING )?INDEX|PRIMARY KEY", step)]
        return found + [step for step in plan if not most and "TEMP B-TREE" in step]
    return [
        step
        for step in plan
        if (step.startswith("Seq Scan") and step.split()[2] in LARGE)
        or (re.match("Sort|Incremental Sort|Hash", step) and int(step.rpartition("=")[2]) > most)
    ]


async def test_each_search_of_lines_reads_an_index_in_its_order(store: Storeroom) -> None:
    """A search of one kind and one side sorts nothing, or fewer lines than a page has; together they are merged."""
    wrong, found = {}, 0
    async with store.storage(writing=False) as work:
        folds = work.folds
        for name, wanted in searches():
            whom, reader = (folds.tag_of(o) if o else "" for o in (wanted.person, wanted.reader))
            found += len(await folds.search(wanted))
            plan = await plan_of(store, folding.searching(wanted, whom, reader))
            if faults := faults_of(plan, sqlite=store.sqlite, most=len(KINDS) * 2 * 51):
                wrong[name] = faults
            for one in folding.each_of(wanted, whom, reader)[:2]:
                most = 0 if store.sqlite else 2 * 51
                if faults := faults_of(await plan_of(store, one), sqlite=store.sqlite, most=most):
                    wrong[name] = faults
    assert wrong == {}
    assert found > 1_000, "most of these searches find something"


async def test_lines_of_a_fold_lines_that_wait_and_counts_are_found_by_their_place(store: Storeroom) -> None:
    async with store.storage(writing=False) as work:
        [fold, *_] = await work.folds.search(FoldSearch(limit=1))
        ids = await work.folds.lines(fold.id, "", 50)
    child = store.means.tags.tag("log-subject", Street.person("child", 5))
    wanted = FoldSearch(ASKED, organisation=THIS, person="somebody", first=TODAY, last=TODAY)
    window = folding.window_of(t.log_index.c.leaf_index, SIZE - 500, SIZE - 100)
    for statement in (
        folding.opening(fold.id, "", 51),
        folding.opening(fold.id, ids[-1], 51),
        folding.waiting(folding.window_of(t.log_queue.c.seq, 0, None), wanted, [child], 51),
        folding.waiting(window, wanted, [child], 51),
        folding.waiting(window, FoldSearch(), [], 51),
        entries_by_id(ids),
        in_line(256),
    ):
        plan = await plan_of(store, statement)
        assert faults_of(plan, sqlite=store.sqlite, most=folding.WINDOW) == [], plan
    first = TODAY - timedelta(days=29)
    for party in ("", THIS):
        for columns in (("day", "type", "outcome"), ("organisation", "counterpart", "type", "outcome")):
            plan = await plan_of(store, summed(columns, first, TODAY, party))
            assert faults_of(plan, sqlite=store.sqlite, most=SIZE) == [], plan
    unserved = sa.select(t.log_fold.c.id).order_by(t.log_fold.c.actor)
    assert faults_of(await plan_of(store, unserved), sqlite=store.sqlite, most=51), "it would be seen"


async def test_what_an_officer_was_let_in_as_is_read_from_the_types_and_not_from_all_that_they_did(
    store: Storeroom,
) -> None:
    """However often they looked: each entry of the few rare ones is looked up, and none of theirs is gone through."""
    officer = "an officer"
    tag = store.means.tags.tag("log-subject", officer)
    async with store.storage() as work:
        for kind in (*GIVING, EventType.LOG_VIEWED):
            for who in (officer, "another officer"):
                await work.log.append(LogEvent(kind, NOW, personal=(Personal(who, "officer", who),)))
        found = [entry.leaf for entry in await work.log.rare(GIVING, officer, 10)]
        await work.commit()
    assert len(found) == len(GIVING)
    async with store.database.engine.begin() as connection:
        await connection.execution_options(writing=True)
        looks = sa.select(sa.literal(tag), t.log_entry.c.entry_id).where(t.log_entry.c.type.not_in(RARE))
        await connection.execute(
            sa.insert(t.log_subject_index).from_select(["tag", "entry_id"], looks.limit(SIZE // 2))
        )
        await connection.exec_driver_sql("ANALYZE")
    plan = await plan_of(store, rare_ids(GIVING, tag, 10))
    reads = [step for step in plan if re.search("log_entry|log_subject_index", step)]
    assert faults_of(plan, sqlite=store.sqlite, most=100) == []
    if store.sqlite:
        assert len(reads) == 2 * len(GIVING), plan
        assert all("type=?" in step for step in reads if "log_entry " in step), plan
        assert all("tag=? AND entry_id=?" in step for step in reads if "log_subject_index" in step), plan
    else:
        assert all(int(step.rpartition("=")[2]) < 100 for step in reads), plan


RARE = [event.value for event in (*GIVING, EventType.LOG_VIEWED)]
