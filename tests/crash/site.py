"""A site that may be broken: its own database, and brokers that are started as a user starts them."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx

from broker.app import build
from broker.cli.families import read_family
from broker.cli.stage import Stage
from broker.client import ClientKey
from broker.settings import read_settings
from broker.storage import migrate
from broker.whole import Broker
from tests.crash.proxy import Proxy
from tests.support.postgres import DatabaseUrls, PostgresServer, own_server
from tests.support.world import ROOT, today

Kind = Literal["sqlite", "postgresql"]
START = 240.0
"""Seconds that a broker gets to be ready."""
OFTEN = {"BROKER_RATE_ONE": "1000000/hour", "BROKER_RATE_ORGANISATION": "1000000/minute"}
SENDER, SCHOOL, DOCTOR = "00000099000000010000", "00000099000000020000", "00000099000000040000"


@dataclass
class Site:
    """One site: `stages` are its brokers, all on the same database, keys, guard and outbox."""

    kind: Kind
    directory: Path
    stages: list[Stage]
    keys: dict[str, ClientKey]
    family: dict[str, Any]
    server: PostgresServer | None = None
    urls: DatabaseUrls | None = None
    proxy: Proxy | None = None
    kills: int = field(default=0)

    @property
    def public_url(self) -> str:
        """The address that all its brokers say they have."""
        return self.stages[0].url

    def start(self, which: int = 0) -> None:
        """As `Stage.start`, on a machine that may have much else to do; says what the broker said when it does not come."""
        stage = self.stages[which]
        with stage.log_file.open("ab") as log:
            command = [sys.executable, "-m", *stage.serves]
            stage._process = subprocess.Popen(command, env=stage.environment(), stdout=log, stderr=log, cwd=ROOT)
        until = time.monotonic() + START
        while time.monotonic() < until and stage.running:
            try:
                if httpx.get(f"{stage.url}/readyz", timeout=5).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        said = stage.log_file.read_text(encoding="utf-8")[-600:]
        ended = stage._process.poll()
        raise TimeoutError(f"the broker does not come ({ended}): {said}")

    def kill(self, which: int = 0) -> None:
        """SIGKILL: no goodbye."""
        process = self.stages[which]._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        self.stages[which]._process = None
        self.kills += 1

    def observer(self) -> Broker:
        """A broker that serves nobody, straight on the database, to look with."""
        return build(read_settings(self.environment()), patience=0)

    def environment(self) -> dict[str, str]:
        """Settings that lead straight to the database."""
        straight = {"BROKER_DATABASE_URL": self.urls.app_url} if self.urls else {}
        return {**self.stages[0].environment(), **straight}

    def command(self, *arguments: str, more: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """One `broker` command, as an operator types it."""
        return subprocess.run(
            [sys.executable, "-m", "broker", *arguments],
            env={**self.environment(), **(more or {})},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )


@contextlib.contextmanager
def opened(
    kind: Kind, *, brokers: int = 1, proxied: bool = False, directory: Path | None = None, **more: str
) -> Iterator[Site]:
    """A site with its organisations, whose brokers do not run yet; gone afterwards."""
    with contextlib.ExitStack() as stack:
        if directory is None:
            directory = Path(tempfile.mkdtemp(prefix="rondom-crash-"))
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
        server = urls = proxy = None
        address = f"sqlite:///{directory / 'database' / 'broker.db'}"
        (directory / "database").mkdir(exist_ok=True)
        if kind == "postgresql":
            server = stack.enter_context(own_server())
            urls = server.create_database()
            migrate.upgrade(urls.owner_url, application=urls.app_url)
            address = urls.app_url
        family = read_family("visser-de-bruin", today())
        stages = [Stage(directory, ROOT / "policies", database_url=address, extra={**OFTEN, **more})]
        keys = stages[0].prepare(family["organisations"])
        if proxied:
            assert server is not None
            assert urls is not None
            proxy = stack.enter_context(Proxy(server.socket_dir / ".s.PGSQL.5432"))
            stages[0].database_url = proxy.leads_to(urls.app_url)
        for _ in range(brokers - 1):
            extra = {**stages[0].extra, "BROKER_PUBLIC_URL": stages[0].url}
            stages.append(Stage(directory, ROOT / "policies", database_url=stages[0].database_url, extra=extra))
        try:
            yield Site(kind, directory, stages, keys, family, server, urls, proxy)
        finally:
            for stage in stages:
                stage.stop()
