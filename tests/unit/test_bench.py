"""The benches run, on tiny sizes; what they measure, `make bench` says. No test asks how long anything takes."""

import json
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.bench import MATTERS, scale
from tests.bench.measure import TINY, Effort, Result, Way, compare, compare_work
from tests.bench.page import PAGE, keep, show, table
from tests.bench.picture import bars


@pytest.mark.parametrize("name", MATTERS)
async def test_a_bench_runs_and_has_its_place_on_the_page(name: str, tmp_path: Path) -> None:
    matter = import_module(f"tests.bench.{name}")
    results = await matter.run(TINY)
    assert len({result.name for result in results}) == len(results) > 0
    assert all(result.ratio > 0 and result.a > 0 and result.b > 0 for result in results)
    page = tmp_path / "performance.md"
    page.write_text(PAGE.read_text())
    show(name, matter.MATTER, results, page, tmp_path / "pictures")
    assert set(table(results).splitlines()) <= set(page.read_text().splitlines())
    drawn = {path.name: ET.fromstring(path.read_text()) for path in (tmp_path / "pictures").iterdir()}
    growing = {f"{name}-growing.svg" for result in results if result.series}
    more = {f"{name}-{result.picture.replace(' ', '-').lower()}.svg" for result in results if result.picture}
    assert set(drawn) == {f"{name}.svg", *growing, *more}


def test_what_is_measured_is_a_ratio_of_the_same_round() -> None:
    calls: list[str] = []
    ratio, ours, floor = compare(Effort(rounds=2, seconds=0), lambda: calls.append("a"), lambda: calls.append("b"))
    assert calls == ["b", "a", "a", "b", "b", "a"], "in turns, and the first round warms up"
    assert min(ratio, ours, floor) > 0


async def test_what_is_put_in_place_before_a_turn_is_not_measured() -> None:
    said: list[str] = []

    def way(name: str) -> Way:
        async def work() -> None:
            said.append(name)

        async def ready() -> None:
            said.append(f"{name} ready")

        return Way(work, ready)

    found = await compare_work(Effort(rounds=1, calls=2), way("a"), way("b"))
    assert set(found) == {"wall", "cpu"}
    b, a = ["b ready", *"bbb"], ["a ready", *"aaa"]
    assert said == [*b, *a, *a, *b]


def test_results_of_other_matters_stay(tmp_path: Path) -> None:
    path = tmp_path / "var" / "bench.json"
    keep([Result("one", "", 1.0, 2.0, 3.0, "ms", 1.5)], path)
    keep([Result("two", "", 1.0, 2.0, 3.0, "ms")], path)
    kept = json.loads(path.read_text())
    assert kept["one"] == {"what": "", "ratio": 1.0, "a": 2.0, "b": 3.0, "unit": "ms", "most": 1.5}
    assert "most" not in kept["two"]


def test_what_costs_more_than_was_promised_is_red() -> None:
    assert 'class="over"' in bars("t", [Result("n", "w", 1.6, 1, 1, "ms", 1.5)])
    assert 'class="over"' not in bars("t", [Result("n", "w", 1.4, 1, 1, "ms", 1.5)])


def test_the_page_about_a_country_says_what_is_drawn_from_its_guesses() -> None:
    page = scale.PAGE.read_text()
    assert "\n".join(scale.tables()) in page
    guess = scale.GUESSES[1]
    load = scale.year(guess)
    assert load == scale.year.__wrapped__(guess), "the same seed, the same year"
    assert load.handovers != scale.year(guess, seed=1).handovers
    sizes = [scale.stored(guess, load, years) for years in scale.YEARS]
    assert sizes == sorted(sizes)
    assert scale.year(guess, part=0.1).at_peak < load.at_peak


def test_the_pictures_of_a_country_are_drawn(tmp_path: Path) -> None:
    page = tmp_path / "scale.md"
    page.write_text("<!-- year -->\n<!-- end of year -->")
    scale.main(page, tmp_path)
    assert "expected" in page.read_text()
    for name in ("scale.svg", "scale-growing.svg"):
        ET.fromstring((tmp_path / name).read_text())


def test_what_should_be_more_is_red_when_it_is_less_than_was_promised() -> None:
    few, enough = (Result("n", "w", ratio, 1, 1, "per s", least=2.0) for ratio in (1.9, 2.0))
    assert few.broken
    assert not enough.broken
    assert 'class="over"' in bars("t", [few])
    assert 'class="over"' not in bars("t", [enough])
    assert few.as_json()["least"] == 2.0


def test_each_picture_has_its_own_results_and_its_own_table(tmp_path: Path) -> None:
    results = [Result("one", "first", 1.0, 2.0, 3.0, "ms"), Result("two", "second", 1.0, 2.0, 3.0, "ms", picture="CPU")]
    page = tmp_path / "page.md"
    page.write_text("<!-- m --><!-- end of m -->")
    show("m", "Matter", results, page, tmp_path / "pictures")
    assert "second" not in (tmp_path / "pictures/m.svg").read_text()
    assert "first" not in (tmp_path / "pictures/m-cpu.svg").read_text()
    assert table(results[:1]) in page.read_text()
    assert table(results[1:]) in page.read_text()
