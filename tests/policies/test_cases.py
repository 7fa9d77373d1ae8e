"""Every example of the agreement comes out as it says, and no rule is without an example that it decides."""

import json
from pathlib import Path

import pytest

from broker.pdp.cases import CaseResult, run_cases
from broker.pdp.policy_set import PolicySet

FILES = sorted((Path(__file__).parents[2] / "policies" / "cases").rglob("*.json"))


@pytest.fixture(scope="module")
def results(shipped: PolicySet) -> dict[str, CaseResult]:
    return {result.file: result for result in run_cases(shipped)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_case_comes_out(path: Path, results: dict[str, CaseResult]) -> None:
    result = results[f"cases/{path.parent.name}/{path.name}"]
    assert result.passed, result.fault


def test_there_are_cases_on_both_sides_and_none_is_left_out(results: dict[str, CaseResult]) -> None:
    assert len(results) == len(FILES)
    assert sum("/allow/" in file for file in results) >= 25
    assert sum("/deny/" in file for file in results) >= 35


def test_every_rule_decides_some_case(shipped: PolicySet, results: dict[str, CaseResult]) -> None:
    deciding = {rule for result in results.values() if result.ruling for rule in result.ruling.rules}
    assert deciding == set(shipped.rules)


def test_every_permit_and_forbid_is_named_by_a_case(shipped: PolicySet) -> None:
    named = {json.loads(path.read_text(encoding="utf-8")).get("rule") for path in FILES}
    assert set(shipped.rules) <= named
