"""Whatever an officer looks at has words on the page for those who watch them."""

import re
from pathlib import Path

from broker.services.watchers import VIEWS

SERVICES = Path(__file__).resolve().parents[2] / "broker" / "services"


def test_every_view_that_is_logged_has_its_words() -> None:
    logged = set()
    for path in SERVICES.glob("*.py"):
        text = path.read_text("utf-8")
        logged |= set(re.findall(r"\blooked\(\s*work, acting, now, \"([a-z-]+)\"", text))
        logged |= set(re.findall(r"\bopened\(\s*work, acting, now, [\w.]+, \"([a-z-]+)\"", text))
    viewing = (SERVICES / "viewing.py").read_text("utf-8")
    named = viewing.partition("def _view_of")[2]
    logged |= set(re.findall(r"\"([a-z]+)\"", named.partition("\n\n\n")[0]))
    assert len(logged) > 12
    assert logged - set(VIEWS) == set()
