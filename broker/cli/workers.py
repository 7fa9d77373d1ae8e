"""Several processes that serve the same address on one machine: a parent that serves nobody, and its workers.

1. Workers are forked before anything is put together: each has keys, connections and background work of its own, as several
   brokers on one database have. What they share is the listening socket, and memory that nobody writes in.
2. A worker that ends by itself is replaced, later each time when that does not help. Where none works, one that refuses to
   start ends all, and so do workers that keep ending.
3. A signal to end is passed on to each worker once; the parent ends after the last of them. They are process groups of their own,
   so that a terminal's Ctrl+C comes to the parent alone.
4. A worker whose parent is gone ends as if it was told to.
"""

import ctypes
import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable

import structlog

PR_SET_PDEATHSIG = 1
REFUSED = frozenset({1, 2, 3, 75})
"""Exit codes of who could not start: an error of ours, something unsafe, the server's own (`uvicorn.config.STARTUP_FAILURE`),
and EX_TEMPFAIL of sysexits.h for what is needed and not there now. The parent ends with the same."""
STEADY = 10.0
"""Seconds after which a worker counts as one that works."""
MOST_IN_A_ROW = 5
"""How many workers may end sooner than that, one after the other, where none works."""
LONGEST_PAUSE = 30
"""Seconds before the next one is started, at most."""
_END = (signal.SIGTERM, signal.SIGINT)
_HEARD = frozenset({*_END, signal.SIGCHLD})
_log = structlog.get_logger(__name__)


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """One socket for all. Raises OSError when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=backlog)


def fork_workers(count: int, let_go: Callable[[], None] = lambda: None) -> int:
    """Returns in each worker its place, from 0 on, and in nobody else: the parent raises SystemExit when all have ended.

    Who replaces a worker has the place of that one.

    `let_go` is done in the parent when all are told to end: it lets go of what only workers use. While it held the listening
    socket, the system would go on taking connections that nobody serves.
    """
    if threading.active_count() > 1:
        raise RuntimeError("a process with threads is not forked")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    gc.collect()
    gc.freeze()  # the collector would write in what could stay shared
    parent = _Parent(os.getpid(), let_go=let_go)
    for place in range(count):
        if parent.start(place):
            break
    if parent.is_me and not parent.stay():
        sys.exit(parent.code)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return parent.place


class _Parent:
    """Starts workers and waits for them. In a worker, `start` and `stay` are true."""

    def __init__(
        self, pid: int, clock: Callable[[], float] = time.monotonic, let_go: Callable[[], None] = lambda: None
    ) -> None:
        self._pid = pid
        self._let_go = let_go
        self._clock = clock
        self._since: dict[int, float] = {}
        self._places: dict[int, int] = {}
        self._due: list[tuple[float, int]] = []
        self.place = 0
        self._ending = False
        self._in_a_row = 0
        self.code = 0

    @property
    def is_me(self) -> bool:
        """Whether this is the parent still."""
        return os.getpid() == self._pid

    def start(self, place: int) -> bool:
        """One more worker; true in it, and `place` is its own."""
        pid = os.fork()
        if pid:
            self._since[pid], self._places[pid] = self._clock(), place
            return False
        self.place = place
        os.setpgid(0, 0)  # 3
        _end_with(self._pid)  # 4
        return True

    def stay(self) -> bool:
        """Wait until all have ended. True in a worker that was started meanwhile."""
        while self._since or self._due:
            number = self._heard()
            if number in _END:
                self._end(number)
            for pid in tuple(self._since):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    self._ended(pid, os.waitstatus_to_exitcode(status))
            while self._due and self._due[0][0] <= self._clock():
                if self.start(self._due.pop(0)[1]):
                    return True
        return False

    def _heard(self) -> int:
        """The next signal; 0 when it is time to start a worker."""
        if not self._due:
            return signal.sigwait(_HEARD)
        heard = signal.sigtimedwait(_HEARD, max(0.0, self._due[0][0] - self._clock()))
        return heard.si_signo if heard else 0

    def _ended(self, pid: int, code: int) -> None:
        now = self._clock()
        lived, place = now - self._since.pop(pid), self._places.pop(pid)
        if self._ending:
            return
        _log.error("worker:ended", status=code)
        self._in_a_row = self._in_a_row + 1 if lived < STEADY else 0
        hopeless = self._in_a_row and (code in REFUSED or self._in_a_row >= MOST_IN_A_ROW)
        if hopeless and not any(now - since >= STEADY for since in self._since.values()):  # 2
            self.code = code if code in REFUSED else 1
            self._end(signal.SIGTERM)
        else:
            self._due = sorted([*self._due, (now + min(self._in_a_row, LONGEST_PAUSE), place)])

    def _end(self, number: int) -> None:  # 3
        self._ending, self._due = True, []
        self._let_go()
        for pid in self._since:
            os.kill(pid, number)


def _end_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(0)
