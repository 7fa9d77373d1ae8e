"""A message goes to one address or nowhere, is never half written, and says to nobody else what it says."""

import asyncio
import email
import email.policy
import json
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.domain.stores import Message
from broker.errors import Unsafe
from broker.notifications.senders import SUBJECTS, ConsoleSender, FileSender, SmtpSender, open_sender
from tests.fakes import MailServer

SMS = Message("+31600000001", "sms", "one-time-code", "nl", "Je code is 123456")
MAIL = Message("noor@example.nl", "email", "invitation", "en", "A question: https://broker.example/c\n\nÉén vraag.")


def smtp(server: MailServer, **more) -> SmtpSender:
    return SmtpSender("127.0.0.1", server.port, "no-reply@broker.example", "sms.example", start_tls=False, **more)


def read(raw: bytes) -> email.message.EmailMessage:
    return email.message_from_bytes(raw.replace(b"\r\n", b"\n"), policy=email.policy.default)


async def test_a_file_is_its_owners_alone_and_whole(tmp_path):
    sender = FileSender(tmp_path / "outbox")
    await sender.send("m-1", MAIL)
    path = tmp_path / "outbox" / "m-1.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "outbox").stat().st_mode) == 0o700
    assert json.loads(path.read_text()) == {
        "to": MAIL.to,
        "channel": "email",
        "kind": "invitation",
        "language": "en",
        "text": MAIL.text,
    }
    assert [p.name for p in path.parent.iterdir()] == ["m-1.json"]


async def test_nobody_sees_a_file_before_it_is_whole(tmp_path, monkeypatch):
    seen = []
    real = json.dump

    def slowly(value, file, **more):
        file.write("{")
        file.flush()
        seen.append([p.name for p in tmp_path.glob("*.json")])
        raise OSError("disk full")

    monkeypatch.setattr(json, "dump", slowly)
    sender = FileSender(tmp_path)
    with pytest.raises(OSError, match="disk full"):
        await sender.send("m-1", SMS)
    assert seen == [[]]
    assert not list(tmp_path.glob("*.json"))
    monkeypatch.setattr(json, "dump", real)
    await sender.send("m-1", SMS)
    assert json.loads((tmp_path / "m-1.json").read_text())["text"] == SMS.text


async def test_a_folder_that_cannot_be_written_is_an_oserror_that_the_courier_knows(tmp_path):
    sender = FileSender(tmp_path / "outbox")
    (tmp_path / "outbox").rmdir()
    with pytest.raises(OSError):
        await sender.send("m-1", SMS)


async def test_a_mail_says_what_it_must_and_nothing_more():
    async with MailServer() as server:
        await smtp(server).send("m-1", MAIL)
    ((sender, receivers, raw),) = server.mails
    assert (sender, receivers) == ("no-reply@broker.example", ["noor@example.nl"])
    mail = read(raw)
    assert mail["To"] == "noor@example.nl"
    assert mail["From"] == "no-reply@broker.example"
    assert mail["Subject"] == "A question for you"
    assert mail["Message-ID"] == "<m-1@broker.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().strip() == MAIL.text
    assert server.logins == []


async def test_a_text_message_goes_to_the_providers_address_of_the_number():
    async with MailServer() as server:
        await smtp(server, username="user", password="pass word").send("m-1", SMS)
    ((_, receivers, raw),) = server.mails
    assert receivers == ["31600000001@sms.example"]
    assert read(raw)["Subject"] == "Je code"
    assert "123456" not in read(raw)["Subject"]
    assert len(server.logins) == 1


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "AUTH"])
async def test_a_mail_server_that_refuses_is_an_oserror_that_names_nobody(verb):
    async with MailServer(refuse_at=verb) as server:
        with pytest.raises(OSError, match="did not take") as refused:
            await smtp(server, username="u", password="p").send("m-1", MAIL)
    assert "noor" not in f"{refused.value!r}"
    assert refused.value.__suppress_context__
    assert server.mails == []


async def test_a_mail_server_that_is_not_there_is_an_oserror():
    async with MailServer() as server:
        pass
    with pytest.raises(OSError):
        await smtp(server).send("m-1", MAIL)


async def test_without_tls_at_the_server_nothing_is_sent():
    async with MailServer() as server:
        sender = SmtpSender("127.0.0.1", server.port, "no-reply@broker.example", "sms.example")
        with pytest.raises(OSError):
            await sender.send("m-1", SMS)
    assert server.mails == []
    assert server.logins == []


@pytest.mark.parametrize(
    "to",
    [
        "a@b.nl\nBcc: evil@example.nl",
        "a@b.nl\r\nSubject: x",
        "noor,evil@example.nl",
        "evil@example.nl,noor",
        "noor(evil)@example.nl",
        "group:evil@example.nl;",
        "<evil@example.nl>",
        "noor evil@example.nl",
        "",
        "@",
        "noor",
    ],
)
async def test_a_wrong_address_is_an_oserror_and_no_mail(to):
    async with MailServer() as server:
        with pytest.raises(OSError):
            await smtp(server).send("m-1", Message(to, "email", "invitation", "nl", "x"))
    assert server.mails == []


async def test_a_kind_without_a_subject_is_an_oserror():
    async with MailServer() as server:
        with pytest.raises(OSError):
            await smtp(server).send("m-1", Message("a@b.nl", "email", "no-such-kind", "nl", "x"))
    assert server.mails == []


@settings(max_examples=40)
@given(st.from_regex(r"[^@\s\x00-\x1f\"<>]{1,64}@[A-Za-z0-9.-]{1,20}\.[A-Za-z]{2,5}", fullmatch=True))
def test_whatever_address_a_sender_may_state_gets_its_mail_or_an_oserror(to):
    async def send() -> MailServer:
        async with MailServer() as server:
            try:
                await smtp(server).send("m-1", Message(to, "email", "invitation", "nl", "x"))
            except OSError:
                assert server.mails == []
        return server

    for _, receivers, _ in asyncio.run(send()).mails:
        assert receivers == [to]


async def test_the_console_shows_it_to_the_person_who_tries_it_out(capsys):
    await ConsoleSender().send("m-1", SMS)
    assert capsys.readouterr().out == "[sms] Je code is 123456\n"


def test_each_kind_of_message_has_a_subject_that_says_nothing():
    assert set(SUBJECTS) >= {"one-time-code", "invitation", "answer-kept"}
    for subject in SUBJECTS.values():
        assert subject.nl
        assert subject.en


def test_the_setting_names_the_sender(tmp_path):
    assert isinstance(open_sender(f"file:{tmp_path / 'x'}"), FileSender)
    assert isinstance(open_sender("console:"), ConsoleSender)
    address = "smtp://us%40er:p%2Fw@mail.example:2525/?from=a@b.example&smsDomain=sms.example"
    assert open_sender(address) == SmtpSender(
        "mail.example", 2525, "a@b.example", "sms.example", "us@er", "p/w", start_tls=True
    )
    plain = open_sender("smtp://mail.example/?from=a@b.example&smsDomain=s.example&startTls=no")
    assert (plain.port, plain.username, plain.password, plain.start_tls) == (587, None, None, False)


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "file:",
        "console",
        "console:x",
        "smtp:",
        "smtp://mail.example",
        "smtp://mail.example/?from=a@b",
        "smtp://mail.example/?smsDomain=b",
        "smtp://mail.example:port/?from=a@b&smsDomain=b",
        "smtp://mail.example:99999/?from=a@b&smsDomain=b",
        "smtp://[mail/?from=a@b&smsDomain=b",
        "http://x",
        "/tmp/x",
    ],
)
def test_anything_else_is_refused_with_what_to_write(setting):
    with pytest.raises(Unsafe, match="BROKER_OUTBOX is not right"):
        open_sender(setting)


def test_a_password_never_prints():
    sender = open_sender("smtp://user:hidden@mail.example/?from=a@b.example&smsDomain=sms.example")
    assert "hidden" not in repr(sender)
    with pytest.raises(Unsafe) as refused:
        open_sender("smtp://user:hidden@mail.example/")
    assert "hidden" not in f"{refused.value!r}{refused.value.words}"
