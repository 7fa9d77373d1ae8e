"""Stand-ins for what lies outside the house: time, chance, a mail server, a sender that fails, a browser's passkey."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from broker.domain.stores import Message


class MovedByHand:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)


class Salts:
    """Fresh salts, as `broker.app` makes them."""

    def __call__(self) -> bytes:
        return secrets.token_bytes(16)


@dataclass
class GuardInMemory:
    """The log's guard, for a ledger that is not started again."""

    note: str | None = None
    kept: int = 0

    def prepare(self) -> None:
        """Nothing to prepare."""

    def read(self) -> str | None:
        return self.note

    def stamp(self) -> object:
        return self.note

    def keep(self, note: str, instead_of: str | None) -> object:
        if self.note != instead_of:
            return None
        self.note = note
        self.kept += 1
        return note


@dataclass
class StubbornSender:
    """A sender that keeps what it is given; `refuse` says which messages it does not take."""

    refuse: Callable[[Message], bool] = lambda _: False
    error: Exception = field(default_factory=lambda: OSError("not taken"))
    tried: list[str] = field(default_factory=list)
    taken: list[tuple[str, Message]] = field(default_factory=list)

    async def send(self, message_id: str, message: Message) -> None:
        self.tried.append(message_id)
        await asyncio.sleep(0)
        if self.refuse(message):
            raise self.error
        self.taken.append((message_id, message))


@dataclass
class MailServer:
    """A tiny SMTP server (RFC 5321) on a free port: keeps what it takes, refuses what it is told to."""

    port: int = 0
    refuse_at: str = ""
    mails: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _talks: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> "MailServer":
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()
        await asyncio.gather(*self._talks, return_exceptions=True)

    def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, receivers = "", []
        writer.write(b"220 fake ESMTP\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line[:4].upper()
            if verb == self.refuse_at:
                writer.write(b"550 5.7.1 not here\r\n")
            elif verb == "EHLO":
                writer.write(b"250-fake\r\n250 AUTH PLAIN\r\n")
            elif verb == "AUTH":
                self.logins.append(line)
                writer.write(b"235 ok\r\n")
            elif verb == "MAIL":
                sender = line.partition("<")[2].partition(">")[0]
                writer.write(b"250 ok\r\n")
            elif verb == "RCPT":
                receivers.append(line.partition("<")[2].partition(">")[0])
                writer.write(b"250 ok\r\n")
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                text = await reader.readuntil(b"\r\n.\r\n")
                self.mails.append((sender, receivers, text))
                writer.write(b"250 taken\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 ok\r\n")
            await writer.drain()
