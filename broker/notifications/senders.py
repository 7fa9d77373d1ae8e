"""Where messages go: files (to try things out), the console (in demo mode), or a mail server.

A sender never logs what it sends or to whom. Text messages go through the mail server too, to the address that a
text-message provider gives for it (`smsDomain`); without one they cannot be sent, and the broker does not start.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from broker.domain.stores import Message
from broker.errors import Unsafe, Words

SUBJECTS = {
    "one-time-code": Words("Je code", "Your code"),
    "invitation": Words("Een vraag voor je", "A question for you"),
    "answer-kept": Words("Je antwoord is bewaard", "Your answer is kept"),
    "was-read": Words("Er is iets gelezen", "Something was read"),
    "urgent-escalation": Words("Iets met spoed is nog niet rond", "Something urgent has not come through yet"),
    "check-in": Words("Gaat het nog goed?", "Is it still going well?"),
    "consent-ends": Words("Over een tijdje stopt iets", "Something ends in a while"),
    "birthday-soon": Words("Straks verandert er iets", "Something changes soon"),
    "reaction-answered": Words("Er is een antwoord voor je", "There is an answer for you"),
}
Say = Callable[[Words, str], str]
"""A text in a language."""


class Sender(Protocol):
    """Sends one message, or raises OSError."""

    async def send(self, message_id: str, message: Message) -> None:
        """Send it."""


class FileSender:
    """One JSON file per message, readable by its owner only."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory

    async def send(self, message_id: str, message: Message) -> None:
        """Write it; the name is the message's id and says nothing."""
        await asyncio.to_thread(self._write, message_id, message)

    def _write(self, message_id: str, message: Message) -> None:
        hidden = self._directory / f".{message_id}.part"
        descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(message), file, ensure_ascii=False)
        hidden.rename(self._directory / f"{message_id}.json")


class ConsoleSender:
    """Prints messages; for demonstrations only (promise P13 refuses it in production)."""

    async def send(self, message_id: str, message: Message) -> None:
        """Print it."""
        sys.stdout.write(f"[{message.channel}] {message.text}\n")
        sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class SmtpSender:
    """A mail server over STARTTLS, or TLS from the start on port 465."""

    host: str
    port: int
    sender: str
    sms_domain: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    start_tls: bool = True
    say: Say = Words.in_language

    async def send(self, message_id: str, message: Message) -> None:
        """Send it to this one address; raises OSError when it is none, or when the server does not take it."""
        to = message.to if message.channel == "email" else f"{message.to.lstrip('+')}@{self.sms_domain}"
        implicit = self.port == 465
        try:
            await aiosmtplib.send(
                self._mail(message_id, message, to),
                recipients=[to],
                hostname=self.host,
                port=self.port,
                username=self.username,
                password=self.password,
                use_tls=implicit,
                start_tls=False if implicit else self.start_tls,
                timeout=20,
            )
        except (aiosmtplib.SMTPException, MessageError, ValueError, LookupError):
            raise OSError("the mail server did not take the message") from None

    def _mail(self, message_id: str, message: Message, to: str) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self.sender
        mail["To"] = _one_address(to)
        mail["Subject"] = self.say(SUBJECTS[message.kind], message.language)
        mail["Message-ID"] = f"<{message_id}@{self.sender.partition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail


def _one_address(text: str) -> Address:
    """The address. Raises ValueError where a mail program would read something else than what is written."""
    address = Address(addr_spec=text)
    if address.addr_spec != text:
        raise ValueError("not one plain address")
    return address


def open_sender(setting: str, say: Say = Words.in_language) -> Sender:
    """The sender that `BROKER_OUTBOX` names; `say` writes subjects. Raises Unsafe with what to write instead."""
    scheme, _, rest = setting.partition(":")
    if scheme == "file" and rest:
        try:
            return FileSender(Path(rest))
        except OSError:
            raise _wrong() from None
    if setting == "console:":
        return ConsoleSender()
    if scheme == "smtp":
        return _smtp(setting, say)
    raise _wrong()


def _smtp(setting: str, say: Say) -> SmtpSender:
    try:
        parts = urlsplit(setting)
        port = parts.port or 587
    except ValueError:
        raise _wrong() from None
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if not parts.hostname or "from" not in query or "smsDomain" not in query:
        raise _wrong()
    return SmtpSender(
        host=parts.hostname,
        port=port,
        sender=query["from"],
        sms_domain=query["smsDomain"],
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        start_tls=query.get("startTls", "yes") != "no",
        say=say,
    )


def _wrong() -> Unsafe:
    form = "file:DIR, console: (demo) of smtp://user:password@host:587/?from=ADDRESS&smsDomain=DOMAIN"
    return Unsafe(Words(f"BROKER_OUTBOX klopt niet. Schrijf {form}", f"BROKER_OUTBOX is not right. Write {form}"))
