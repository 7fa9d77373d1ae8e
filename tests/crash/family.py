"""A parent who says yes, stops, and says yes again, on the pages, whatever happens to the broker meanwhile."""

import threading
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from broker.cli.visitor import Visitor, answered, form_of, forms_of
from broker.client import Client, ClientError, ClientKey
from tests.crash.notes import LONGEST, Notes

STOPPED = "analysis"
YES = {"analysis": "yes", "help-history": "yes"}


class Broken(Exception):
    """The pages did not come to what they should: nothing was acknowledged."""


@dataclass
class Standing:
    """What the parent was told of the section that they stop sharing: it may not leave while `stopped`."""

    stopped: bool = True
    turn: int = 0
    """Grows when they begin to say yes: what was asked before and is answered after it, says nothing."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def says_yes(self) -> None:
        """About to: from here on it may leave."""
        with self.lock:
            self.stopped, self.turn = False, self.turn + 1

    def is_stopped(self) -> None:
        """Acknowledged: from here on it may not."""
        with self.lock:
            self.stopped, self.turn = True, self.turn + 1

    def now(self) -> tuple[bool, int]:
        """(whether it may not leave, the turn)."""
        with self.lock:
            return self.stopped, self.turn


class Browser(Visitor):
    """A browser whose every answer is written down."""

    def __init__(self, url: str, outbox: Path, notes: Notes) -> None:
        super().__init__(url, outbox, "en")
        self._http.timeout = httpx.Timeout(LONGEST)
        self._notes = notes
        self._http.event_hooks = {"request": [self._asked], "response": [self._heard]}
        self._began = 0.0

    def _asked(self, _request: httpx.Request) -> None:
        self._began = time.monotonic()

    def _heard(self, response: httpx.Response) -> None:
        response.read()
        if response.status_code != 429:
            self._notes.heard(response, self._began)

    def says_yes(self, code: str) -> None:
        """Answer every question with yes. Raises Broken unless the receipt was shown."""
        page = self.come_in(code)
        while page.url.path.startswith("/questions/") and page.is_success:
            page = self._http.post(page.url.path, data=answered(page.text, page.url.path, YES))
        page = self._http.post("/check", data=form_of(page.text, "/check"))
        if not (page.is_success and page.url.path.startswith("/receipt/")):
            raise Broken
        self._notes.kept.add(page.url.path.rpartition("/")[2])

    def stops(self, code: str) -> None:
        """Stop sharing. Raises Broken unless the receipt was shown."""
        self.come_in(code)
        page = self._http.get("/mine")
        for address, fields, buttons in forms_of(page.text):
            if address == "/mine/stop" and ("section", STOPPED) in buttons:
                done = self._http.post(address, data={**fields, "section": STOPPED})
                if done.is_success and done.url.path.startswith("/receipt/"):
                    self._notes.kept.add(done.url.path.rpartition("/")[2])
                    return
        raise Broken


@dataclass
class Parent:
    """One parent; `go_on` works in a thread until `over` is set."""

    url: str
    outbox: Path
    client: tuple[str, ClientKey]
    handover: str
    person: str
    notes: Notes
    standing: Standing = field(default_factory=Standing)
    over: threading.Event = field(default_factory=threading.Event)

    def _try(self, what: str, code: str) -> bool:
        browser = Browser(self.url, self.outbox, self.notes)
        try:
            (browser.says_yes if what == "yes" else browser.stops)(code)
        except (Broken, RuntimeError, LookupError, httpx.HTTPError, StopIteration):
            return False
        finally:
            browser.close()
        self.notes.worked()
        return True

    def _invited(self) -> str | None:
        try:
            with Client(self.url, *self.client, retries=0, timeout=LONGEST) as client:
                return str(client.invite(self.handover, self.person)["code"])
        except ClientError:
            return None

    def says_yes(self) -> str:
        """Until it was acknowledged, or all is over; returns the code."""
        while not self.over.is_set():
            self.standing.says_yes()
            code = self._invited()
            if code is not None and self._try("yes", code):
                self.notes.answers += 1
                return code
            self.over.wait(0.2)
        return ""

    def stops(self, code: str) -> None:
        """Until it was acknowledged, or all is over: a stop that nobody answered for may have been kept."""
        stopping = partial(self._try, "stop", code)
        for _ in range(3):
            if self.over.is_set():
                return
            if stopping():
                self.notes.stops += 1
                self.standing.is_stopped()
                return
            self.over.wait(0.2)

    def go_on(self) -> None:
        """Yes, stop, yes, stop."""
        while not self.over.is_set():
            code = self.says_yes()
            self.over.wait(0.5)
            if code:
                self.stops(code)
            self.over.wait(0.5)
