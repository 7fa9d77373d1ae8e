"""What an operator sees and does about webhooks from the command line: ids, counts and times, and sending again."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from broker.crypto.keyring import load_keyring
from broker.domain.stores import PartnerEvent, PartnerEventType, Webhook
from broker.domain.webhooks import Outcome, WebhookState
from tests.factories import SCHOOL, SENDER, Storeroom, a_storeroom, born, with_handover, with_partners, with_people
from tests.integration.test_cli import Desk, desk, furnished, zygote

__all__ = ["desk", "furnished", "zygote"]
SECRET = "a-path-that-may-be-a-secret"


async def filled(store: Storeroom, url: str) -> list[str]:
    """Three events of a school: one arrived, one given up after eleven tries, one that waits."""
    await with_partners(store)
    handover = await with_handover(store, await with_people(store, child=born(8), mother=born(40)))
    now = datetime.now(UTC)
    ids = [store.means.ids() for _ in range(3)]
    async with store.storage() as work:
        webhook = Webhook(store.means.ids(), SCHOOL, url, WebhookState.ACTIVE, now)
        await work.webhooks.put(webhook, url)
        for identity in ids:
            kind = PartnerEventType.CORRECTED
            await work.partner_events.add(PartnerEvent(identity, SCHOOL, kind, handover.id, None, 1, (), now))
        await work.commit()
    async with store.storage() as work:
        taken = await work.deliveries.take(now, now, (), 2, 2)
        arrived = Outcome(arrived=True, again=None, gone=False, status=204)
        given_up = Outcome(arrived=False, again=None, gone=False, status=503)
        for due, outcome in zip(taken, (arrived, given_up), strict=True):
            await work.deliveries.ended(due, outcome, now + timedelta(days=3))
        await work.commit()
    await store.database.close()
    return ids


def furnish(at: Desk, url: str = f"https://school.example/{SECRET}") -> list[str]:
    database = at.folder / "var" / "broker.db"
    keyring = load_keyring(Path(at.environment["BROKER_KEYS"]))
    return asyncio.run(filled(a_storeroom(f"sqlite:///{database}", keyring=keyring), url))


@contextmanager
def listening(*, proves: bool) -> Iterator[str]:
    """A partner on this machine; its address."""

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            if proves:
                self.send_header("Webhook-Challenge", event["data"]["challenge"])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{SECRET}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_without_webhooks_there_is_nothing_to_see(furnished: Desk) -> None:
    assert furnished.done("webhooks", "list").strip() == "No organisation has a webhook."
    assert json.loads(furnished.done("webhooks", "failed", "--json")) == []


def test_what_waits_and_what_was_given_up_is_shown_without_the_address(furnished: Desk) -> None:
    _, dead, _ = furnish(furnished)
    [row] = json.loads(furnished.done("webhooks", "list", "--json"))
    assert (row["organisation"], row["waiting"], row["failed"]) == (SCHOOL, 1, 1)
    assert row["host"] == "https://school.example"
    shown = furnished.done("webhooks", "list")
    assert "1 waiting" in shown
    assert "1 given up" in shown
    told = furnished.run("webhooks", "failed", "--json")
    [letter] = json.loads(told.stdout)
    assert told.returncode == 1
    assert (letter["event"], letter["organisation"], letter["tries"], letter["status"]) == (dead, SCHOOL, 1, 503)
    plain = furnished.run("webhooks", "failed")
    assert dead in plain.stdout
    assert SECRET not in shown + told.stdout + plain.stdout + json.dumps(row)
    assert furnished.done("webhooks", "failed", "--organisation", SENDER).strip() == "0 given up."


def test_what_was_given_up_is_sent_again_and_everything_from_an_event_on(furnished: Desk) -> None:
    first, dead, _ = furnish(furnished)
    assert furnished.done("webhooks", "replay", "--organisation", SENDER).startswith("0 event")
    again = furnished.run("webhooks", "replay")
    assert (again.returncode, again.stdout.strip()) == (0, "1 event(s) will be sent.")
    assert again.stderr.strip() == "1 more queued"
    [row] = json.loads(furnished.done("webhooks", "list", "--json"))
    assert (row["waiting"], row["failed"]) == (2, 0)
    assert "--organisation" in furnished.refused("webhooks", "replay", "--from", dead)
    since = furnished.run("webhooks", "replay", "--organisation", SCHOOL, "--from", first)
    assert (since.returncode, since.stdout.strip()) == (0, "3 event(s) will be sent.")
    [row] = json.loads(furnished.done("webhooks", "list", "--json"))
    assert (row["waiting"], row["failed"]) == (3, 0)
    assert furnished.refused("webhooks", "replay", "--organisation", SENDER, "--from", first)


def test_an_address_is_tried_and_what_is_wrong_is_said(furnished: Desk) -> None:
    with listening(proves=True) as url:
        furnish(furnished, url)
        assert furnished.done("webhooks", "test", SCHOOL).strip() == "The address answers as it should."
    assert "did not answer" in furnished.refused("webhooks", "test", SCHOOL, code=1)
    assert "does not exist" in furnished.refused("webhooks", "test", SENDER)


def test_an_address_that_says_yes_to_everything_does_not_answer_as_it_should(furnished: Desk) -> None:
    with listening(proves=False) as url:
        furnish(furnished, url)
        assert "Webhook-Challenge" in furnished.refused("webhooks", "test", SCHOOL, code=1)
