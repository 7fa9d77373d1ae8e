"""`python -m tests.replicas rolling`: two brokers behind nginx, ended and started one after the other under load, and nobody notices.

PostgreSQL, the brokers and nginx are real, nginx with `deploy/nginx/rondom.conf`. Exit code 1 when any request failed.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import typer

from broker.cli.stage import free_port
from tests.support.fleet import SOON, Callers, Fleet, Heard, Member, all_kept, fleet, status, until
from tests.support.measured import show
from tests.support.postgres import own_server
from tests.support.world import ROOT, URL

DRAIN = "4"
CONFIGURATION = ROOT / "deploy/nginx/rondom.conf"
HOST = URL.partition("://")[2]


def configured(folder: Path, upstreams: Sequence[int], port: int) -> Path:
    """The configuration as it is deployed, with other addresses, and without the limit on how much one address may ask."""
    text = CONFIGURATION.read_text()
    for number, upstream in enumerate(upstreams, 1):
        text = _replaced(text, f"broker{number}:8080", f"127.0.0.1:{upstream}")
    text = _replaced(text, "/etc/nginx/tls/", f"{folder}/")
    text = _replaced(text, "/var/log/nginx/access.log", f"{folder}/access.log")
    text = _replaced(text, "/var/log/nginx/error.log crit", f"{folder}/error.log info")
    text = _replaced(text, "rate=100r/s", "rate=10000r/s")
    text = _replaced(text, "proxy_set_header Host $host;", f"proxy_set_header Host {HOST};")
    for wild in ("[::]:443", "[::]:80"):
        text = "\n".join(line for line in text.splitlines() if f"listen {wild}" not in line)
    text = _replaced(text, "listen 443", f"listen 127.0.0.1:{port}")
    text = _replaced(text, "listen 80", f"listen 127.0.0.1:{free_port()}")
    kept = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.getuid() == 0 else ""
    whole = f"{user} daemon off; pid {folder}/nginx.pid; worker_processes 1; events {{}} http {{ {kept}\n{text}\n}}\n"
    path = folder / "nginx.conf"
    path.write_text(whole)
    return path


def _replaced(text: str, old: str, new: str) -> str:
    if old not in text:
        raise ValueError(f"{CONFIGURATION.name} does not say {old}")
    return text.replace(old, new)


def _launched(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(command, stdout=out, stderr=out)


@contextlib.asynccontextmanager
async def proxy(folder: Path, upstreams: Sequence[int]) -> AsyncIterator[str]:
    """nginx before these brokers; its address."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise FileNotFoundError("nginx is needed. On Debian: apt-get install nginx-light")
    port = free_port()
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    made += ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    await asyncio.to_thread(subprocess.run, made, check=True, capture_output=True)
    process = _launched([program, "-c", str(configured(folder, upstreams, port))], folder / "nginx.log")
    address = f"https://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(verify=trusting()) as http:
            await until(lambda: answers(http, f"{address}/livez", 200), SOON)
        yield address
    finally:
        process.terminate()
        process.wait(SOON)


def trusting() -> ssl.SSLContext:
    """Takes any certificate: this one was made a moment ago."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def roll(brokers: Fleet, times: int) -> list[float]:
    """End and start each broker, one after the other, so many times. Returns the seconds that each ending took.

    Raises AssertionError when readiness did not turn red while it still answered.
    """
    return [await restarted(member) for _ in range(times) for member in brokers.members]


async def restarted(member: Member) -> float:
    """End one, start it, and wait until the proxy asks it again. Returns the seconds that the ending took."""
    member.tell(signal.SIGTERM)
    began = time.monotonic()
    async with httpx.AsyncClient() as http:
        await until(lambda: answers(http, f"{member.url}/readyz", 503), 3)
        assert await answers(http, f"{member.url}/livez", 200), "it goes on serving while it says that it ends"
        await member.ended()
        taken = time.monotonic() - began
        await member.start()
        await until(lambda: is_asked(http, member), SOON)
    return taken


async def answers(http: httpx.AsyncClient, address: str, code: int) -> bool:
    """Whether it answers with this status."""
    return await status(http, address) == code


async def is_asked(http: httpx.AsyncClient, member: Member) -> bool:
    """Whether the proxy sends it requests again."""
    return 'route="/v1/releases"' in (await http.get(f"{member.url}/metrics", timeout=5)).text


async def rolling(
    folder: Path, times: int, each: int = 1, readers: int = 6, senders: int = 2
) -> tuple[Heard, dict[str, str]]:
    """Everything together, with so many processes in each broker; the answers that callers got, and what is to be shown. Raises when a receipt of them does not hold."""
    heard = Heard()
    with own_server() as server:
        urls = server.create_database()
        more = {"BROKER_DRAIN": DRAIN, "BROKER_WORKERS": str(each)}
        async with (
            fleet(folder, urls.owner_url, urls.app_url, more=more) as brokers,
            proxy(folder, [member.port for member in brokers.members]) as address,
        ):
            callers = Callers(brokers, [address], heard, verify=trusting())
            async with callers.at_work(readers, senders):
                taken = await roll(brokers, times)
            kept = await all_kept(brokers, brokers.members[0].url, heard)
    typer.echo(
        f"{len(taken)} restarts, each ended in {max(taken):.1f} s at most; {kept} receipts hold; {dict(heard.statuses)}"
    )
    return heard, {
        "brokers ended and started again, under load": str(len(taken)),
        "processes in each (`BROKER_WORKERS`)": str(each),
        "longest from SIGTERM to the end, of which it serves on for " + DRAIN + " s": f"{max(taken):.0f} s",
        "requests meanwhile": str(sum(heard.statuses.values())),
        "of which failed": str(sum(heard.failed().values())),
        "receipts, each checked against the log afterwards": f"{kept}, all hold",
    }


def main(arguments: Sequence[str]) -> int:
    """`rolling [TIMES] [PROCESSES]`."""
    if not arguments or arguments[0] != "rolling":
        typer.echo("python -m tests.replicas rolling [TIMES] [PROCESSES]", err=True)
        return 2
    times, each = (int(arguments[place]) if len(arguments) > place else usual for place, usual in ((1, 3), (2, 1)))
    with tempfile.TemporaryDirectory(prefix="rondom-replicas-") as folder:
        heard, rows = asyncio.run(rolling(Path(folder), times, each))
        for line in heard.strange[:10]:
            typer.echo(line, err=True)
    typer.echo(f"failed: {heard.failed() or 'nothing'}")
    show("rolling" if each == 1 else "rolling-processes", rows)
    return 1 if heard.failed() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
