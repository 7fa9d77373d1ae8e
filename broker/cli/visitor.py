"""A family member's browser without a browser: goes through the real pages by their forms, as anybody without scripts would."""

import json
import re
import time
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import httpx

_POSITION = re.compile(r"/questions/\d+(/recipients)?")
Says = Mapping[str, str | Mapping[str, str]]
"""By section type: `yes`, `no`, or one of these for each recipient by its key (`OIN/role`). What is not named is no."""


class _Fields(HTMLParser):
    """The hidden fields, and the named buttons and choices of a page, per form address."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect."""
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((found.get("action", ""), {}, []))
        elif self.forms and tag == "input" and found.get("type") == "hidden":
            self.forms[-1][1][found["name"]] = found.get("value", "")
        elif self.forms and (tag == "button" or found.get("type") == "radio") and "name" in found:
            self.forms[-1][2].append((found["name"], found.get("value", "")))


class Visitor:
    """One visit with one code. `outbox` is where the one-time codes arrive; `phone` is the person's own contact."""

    def __init__(self, url: str, outbox: Path, language: str = "nl") -> None:
        self._http = httpx.Client(
            base_url=url, follow_redirects=True, timeout=30, headers={"Origin": url, "Accept-Language": language}
        )
        self._outbox = outbox

    def close(self) -> None:
        """Close the browser."""
        self._http.close()

    def come_in(self, code: str) -> httpx.Response:
        """Type the code, have a one-time code sent to the first contact, and type that."""
        before = set(self._outbox.glob("*.json"))
        page = self._press(self._http.post("/code", data={"code": code}), "/contact", "contact")
        if page.url.path != "/one-time-code":
            raise RuntimeError(f"the pages stopped at {page.url.path}")
        fields = form_of(page.text, "/one-time-code")
        return self._http.post("/one-time-code", data={**fields, "code": self._one_time_code(before)})

    def _press(self, page: httpx.Response, action: str, button: str) -> httpx.Response:
        for address, fields, buttons in forms_of(page.text):
            if address == action:
                name, value = next(pair for pair in buttons if pair[0] == button)
                return self._http.post(address, data={**fields, name: value})
        raise RuntimeError(f"the page {page.url.path} has no form for {action}")

    def _one_time_code(self, before: set[Path]) -> str:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for path in set(self._outbox.glob("*.json")) - before:
                message = json.loads(path.read_text(encoding="utf-8"))
                if message["kind"] == "one-time-code":
                    found = re.search(r"\b(\d{6})\b", message["text"])
                    if found:
                        return found[1]
            time.sleep(0.02)
        raise RuntimeError("no one-time code arrived")

    def answer(self, code: str, says: Says) -> None:
        """Answer every question; what `says` does not name is answered with no."""
        page = self.come_in(code)
        while _POSITION.fullmatch(page.url.path):
            page = self._http.post(page.url.path, data=answered(page.text, page.url.path, says))
        page = self._http.post("/check", data=form_of(page.text, "/check"))
        if not page.url.path.startswith("/receipt/"):
            raise RuntimeError(f"the answers were not taken: the pages stopped at {page.url.path}")

    def withdraw(self, code: str, types: list[str]) -> None:
        """Stop sharing these section types, wherever they are shared."""
        page = self.come_in(code)
        for section in types:
            page = self._http.get("/mine")
            for address, fields, buttons in forms_of(page.text):
                if address == "/mine/stop" and ("section", section) in buttons:
                    page = self._http.post(address, data={**fields, "section": section})
                    if not page.url.path.startswith("/receipt/"):
                        raise RuntimeError("stopping was not taken")


Form = tuple[str, dict[str, str], list[tuple[str, str]]]


def forms_of(page: str) -> list[Form]:
    """(address, hidden fields, named buttons and choices) of every form on a page."""
    parser = _Fields()
    parser.feed(page)
    return parser.forms


def form_of(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form for that address. Raises RuntimeError when the page has none."""
    for address, fields, _ in forms_of(page):
        if address == action:
            return fields
    raise RuntimeError(f"the page has no form for {action}")


def answered(page: str, action: str, says: Says) -> dict[str, str]:
    """The form of a question filled in, or that of its recipients: what somebody sends who says this."""
    fields, offered = next((fields, offered) for address, fields, offered in forms_of(page) if address == action)
    said = says.get(fields["section"], "no")
    if not action.endswith("/recipients"):
        return {**fields, "answer": said if isinstance(said, str) else "each"}
    return {**fields, **{key: said if isinstance(said, str) else said.get(key, "no") for key, _ in offered}}
