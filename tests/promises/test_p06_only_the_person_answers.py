"""P06: only the person can answer; nothing that an organisation, a professional or an officer sends makes a consent."""

import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from broker.cli.visitor import form_of, forms_of
from broker.services.officers import Officers
from tests.support.agreements import propose
from tests.support.authenticators import Authenticator
from tests.support.devices import REPORT, Member, push_report
from tests.support.devices import YES as SAYS_YES
from tests.support.officers import officer_browser
from tests.support.review import an_item
from tests.support.surface import (
    ACTS,
    LOOKS,
    MAKES_PASSKEYS,
    MAKES_RECORDS,
    NO_SUCH_ID,
    WRITES_REACTIONS,
    Recorder,
    count_records,
    doubt,
    filled,
    play,
    rows_of,
    told,
)
from tests.support.world import URL, World
from tests.support.writing import answer, read, ways, write

SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"
TOM = "tom-to-school"
YES = {"status": "yes", "voice-of-the-child": "yes", "safety-plan": "yes"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

LOOKED_FOR = {"identifier": {"system": "bsn", "value": "999990019"}, "purpose": "education-support"}
FORGED: dict[str, Any] = {
    "answer": "yes",
    "answers": {"status": "yes"},
    "consent": True,
    "consents": [{"signer": "tom", "person": "tom", "state": "given", "sectionTypes": ["status"]}],
    "stance": "given",
    "answered": True,
}
"""What somebody would add who hopes that it counts as an answer."""


async def test_in_a_whole_familys_story_only_the_three_buttons_of_the_person_make_records(world: World) -> None:
    made: set[str] = set()
    devices: set[str] = set()
    recorder, counted = Recorder(), [0, 0]
    recorder.listen_to(world)

    async def count(response: httpx.Response) -> None:
        added = len(await rows_of(world, "signer_passkey"))
        if added != counted[1]:
            counted[1] = added
            devices.add(recorder.heard[-1].route)
        now = await count_records(world)
        if now != counted[0]:
            counted[0] = now
            made.add(recorder.heard[-1].route)

    world.http.event_hooks["response"].append(count)
    listened = world.browser

    def browser(language: str = "nl") -> httpx.AsyncClient:
        client = listened(language)
        client.event_hooks["response"].append(count)
        return client

    world.browser = browser  # type: ignore[method-assign]
    await play(world, "visser-de-bruin")
    await push_report(world)
    page = await world.answer_on_pages(REPORT, "mother", SAYS_YES)
    async with world.browser() as back:
        await world.come_in(back, world.codes[REPORT, "mother"])
        mother = Member(world, back, Authenticator(), "mother", page.url.path)
        await mother.enrol()
        await mother.confirm()
        form = forms_of(await mother.page("/mine"))
        fields, buttons = next((f, b) for address, f, b in form if address == "/mine/devices/stop")
        await back.post("/mine/devices/stop", data={**fields, **dict(buttons)})
    assert made == MAKES_RECORDS
    assert devices == MAKES_PASSKEYS
    assert counted[0] > 5


# organisations and professionals


@contextlib.asynccontextmanager
async def waiting_family(world: World) -> AsyncIterator[tuple[dict[str, str], dict[str, str]]]:
    """Tom has a code, and a visit that waits for its one-time code: (ids, secrets) as an attacker could hope for them."""
    await world.push(TOM)
    code = await world.invite(TOM, "tom")
    async with world.browser() as browser:
        page = await browser.post("/code", data={"code": code})
        _, fields, buttons = next(form for form in forms_of(page.text) if form[0] == "/contact")
        await browser.post("/contact", data={**fields, "contact": buttons[0][1]})
        entry = (await rows_of(world, "log_entry"))[0].entry_id
        await doubt(world)
        ids = {
            "id": world.handovers[TOM],
            "position": "1",
            "receipt_id": NO_SUCH_ID,
            "entry_id": entry,
            "matter_id": (await rows_of(world, "matter"))[0].id,
            "item_id": await an_item(world),
            "proposal_id": await propose(world),
            "period": "weeks",
            "quarter": "2026-Q3",
            "motion_id": NO_SUCH_ID,
            "purpose": "take-away",
            "back": "files",
            "path": "0/000",
            "entry": "0",
            "name": "rondom.css",
            "provider": "waterdijk",
            "reason": "login-unknown",
            "reaction": NO_SUCH_ID,
            "task": NO_SUCH_ID,
            "part": world.broker.house.tags.tag("part", world.handovers[TOM], "status")[:32],
            "kind": "reaction",
            "oin": "00000099000000020000",
            "organisation_kind": "school",
            "text_id": world.broker.house.tags.tag("own-text", world.handovers[TOM], "status")[:32],
            "plan": "0" * 32,
        }
        yield ids, {"code": code, "contact": buttons[0][1], "csrf": fields["csrf"], "cookie": browser.cookies["rondom"]}


async def unanswered(world: World) -> bool:
    """Whether nothing at all counts as an answer of anybody."""
    invitations, visits = await rows_of(world, "invitation"), await rows_of(world, "visit")
    family = [visit for visit in visits if visit.kind == "family"]
    return (
        await count_records(world) == 0
        and await rows_of(world, "signer_receipt") == []
        and await rows_of(world, "reaction") == []
        and await rows_of(world, "sign_off") == []
        and await rows_of(world, "signer_passkey") == []
        and all(invitation.answered_at is None for invitation in invitations)
        and all(visit.stage != "verified" for visit in family)
    )


def bodies(world: World, act: str, secrets: Mapping[str, str]) -> list[Any]:
    """What one would send to this address: as it is meant, and with an answer put into it."""
    meant: dict[str, Any] = {
        "POST /v1/handovers": world.body(TOM),
        "POST /v1/handovers/{id}/invitations": {"person": "tom", "delivery": "paper"},
        "POST /v1/handovers/{id}/reactions/{reaction}/answer": {"outcome": "corrected", "explanation": "Aangepast."},
        "POST /v1/releases/{id}/sign-offs": {"digest": "0" * 64, "agrees": True},
        "POST /v1/handovers/{id}/tasks/{task}/status": {"status": "done"},
        "PUT /v1/handovers/{id}/long-watch": {"every": "P1M", "people": ["tom"]},
        "POST /v1/subjects/_search": {"identifier": {"system": "bsn", "value": "999990019"}},
        "POST /v1/timelines": LOOKED_FOR,
        "POST /v1/involvements": LOOKED_FOR,
        "POST /v1/releases": {"handover": world.handovers[TOM], "purpose": "education-support"},
    }
    found = [meant[act], {**meant[act], **FORGED}] if act in meant else []
    if act == "POST /v1/handovers":
        for person in found[1]["people"]:
            person |= {"answered": True, "consent": "yes"}
        quiet = world.body(TOM)
        quiet["people"][2]["contacts"] = []
        quiet["reference"] = "another"
        found.append(quiet)
    button = {
        **secrets,
        "text": "Ik vind alles goed.",
        "kind": "reaction",
        "section": "status",
        "answer": "yes",
        "shown": "nl",
        "all": "yes",
    }
    return [*found, FORGED] if act in meant else [{**FORGED, **button}]


async def test_no_route_makes_a_consent_for_any_organisation_or_any_role(world: World) -> None:
    async with waiting_family(world) as (ids, secrets):
        partners = {o["oin"]: o for family in world.families.values() for o in family["organisations"]}
        callers = {oin: await world.token(oin) for oin in partners}
        for organisation in partners.values():
            for who in organisation["professionals"]:
                callers[who["id"]] = await world.token(*world.professional(who["id"]))
        roles = world.broker.house.agreement().vocabulary.roles
        for role in roles:
            callers[role] = await world.token(SCHOOL, {"sub": f"x-{role}", "name": "Iemand", "role": role})
        statuses: dict[str, set[int]] = {}
        for who, token in callers.items():
            # The API with every partner's and professional's token, the pages with some of them, and what is for
            # professionals with each role that there is.
            for act, whose in ACTS.items():
                api, everywhere = "/v1/" in act, who in (SENDER, SCHOOL, "ib-joris", "pt-anneke")
                if (
                    act.startswith("DELETE")
                    or (not api and not everywhere)
                    or (who in roles and whose != "professional")
                ):
                    continue
                method, _, template = act.partition(" ")
                for body in bodies(world, act, secrets):
                    headers = {"Authorization": f"Bearer {token}", "Origin": URL}
                    if whose in ("family", "officer", "anybody"):
                        fields = {k: str(v) for k, v in (body or {}).items()}
                        answer = await world.http.request(method, filled(template, ids), data=fields, headers=headers)
                    else:
                        answer = await world.http.request(method, filled(template, ids), json=body, headers=headers)
                    statuses.setdefault(act, set()).add(answer.status_code)
            assert await unanswered(world), who
        # The attack was heard: what is meant for them was taken, what is not was refused.
        assert {201} <= statuses["POST /v1/handovers"]
        assert {201, 404} <= statuses["POST /v1/handovers/{id}/invitations"]
        assert {200} <= statuses["POST /v1/subjects/_search"]
        assert statuses["POST /v1/timelines"] == statuses["POST /v1/involvements"] == {200, 400, 403}
        assert {403, 404} <= statuses["POST /v1/releases"]
        assert {404} <= statuses["POST /v1/handovers/{id}/reactions/{reaction}/answer"]
        assert {404} <= statuses["POST /v1/releases/{id}/sign-offs"]
        pressed = (
            "POST /check",
            "POST /receipt/{receipt_id}/send",
            "POST /mine/stop",
            "POST /questions/{position}",
            *WRITES_REACTIONS,
        )
        scripted = [act for act in ACTS if act.startswith("POST /receipt/") and act not in pressed]
        assert [statuses[act] for act in pressed] == [{303}] * len(pressed)
        assert [statuses[act] for act in scripted] == [{401}] * 4
        assert await world.gets(TOM, "ib-joris") == []


async def test_nothing_but_the_pages_even_looks_like_a_way_to_answer(world: World) -> None:
    async with waiting_family(world) as (ids, secrets):
        tokens = [await world.token(SENDER), await world.token(*world.professional("pt-anneke"))]
        paths = [
            "/v1/consents",
            "/v1/records",
            "/v1/answers",
            f"/v1/handovers/{ids['id']}/consents",
            f"/v1/handovers/{ids['id']}/answers",
            f"/v1/handovers/{ids['id']}/signers/tom",
            f"/v1/handovers/{ids['id']}/invitations/x/answer",
            f"/v1/handovers/{ids['id']}/versions/1/consents",
            "/v1/reactions",
            f"/v1/handovers/{ids['id']}/sections/status/reactions",
            f"/v1/handovers/{ids['id']}/reactions",
            f"/v1/handovers/{ids['id']}/reactions/{NO_SUCH_ID}",
            f"/v1/mine/sections/{ids['part']}/reaction",
            f"/v1/mine/sign-offs/{ids['part']}",
            f"/v1/handovers/{ids['id']}/sign-offs",
            "/v1/check",
            "/v1/mine/stop",
            *(filled(path, ids) for path in LOOKS if path.startswith("/v1/")),
        ]
        for token in tokens:
            for path in paths:
                for method in ("POST", "PUT", "PATCH"):
                    if f"{method} {path}" in ACTS:
                        continue
                    headers = {"Authorization": f"Bearer {token}"}
                    answer = await world.http.request(method, path, json={**FORGED, **secrets}, headers=headers)
                    asks = method == "PUT" and path.endswith("/long-watch")  # has the family asked; answers nothing
                    refused = (400, 403, 404) if asks else (404, 405)
                    assert answer.status_code in refused, (method, path)
        assert await unanswered(world)


async def test_no_token_opens_a_page_and_no_cookie_opens_the_api(world: World) -> None:
    async with waiting_family(world) as (_, secrets):
        tokens = [await world.token(SENDER), await world.token(*world.professional("ib-joris"))]
        for token in tokens:
            async with world.browser() as browser:
                browser.headers["Authorization"] = f"Bearer {token}"
                for name in ("rondom", "rondom-console", "rondom-passkey"):
                    browser.cookies.set(name, token)
                for path in ("/contact", "/questions/1", "/check", "/mine"):
                    assert (await browser.get(path)).url.path == "/", path
                for path in ("/console/disclosures", "/console/log", "/console/passkey"):
                    assert (await browser.get(path)).url.path == "/console", path
        async with officer_browser(world) as officer:
            for cookie in (secrets["cookie"], officer.token, secrets["code"], secrets["csrf"]):
                for method, path in (("GET", "/v1/handovers"), ("POST", "/v1/releases"), ("DELETE", "/v1/handovers/x")):
                    answer = await world.http.request(method, path, headers={"Authorization": f"Bearer {cookie}"})
                    assert answer.status_code == 401
        assert await unanswered(world)


async def test_a_cookie_of_one_door_does_not_open_another(world: World) -> None:
    async with waiting_family(world) as (_, secrets), officer_browser(world) as officer, world.browser() as browser:
        browser.cookies.set("rondom", officer.token)
        browser.cookies.set("rondom-console", secrets["cookie"])
        for path in ("/contact", "/questions/1", "/check", "/mine"):
            assert (await browser.get(path)).url.path == "/", path
        assert (await browser.get("/console/disclosures")).url.path == "/console"
        for path in ("/check", "/mine/stop", "/questions/1"):
            fields = {"csrf": officer.csrf, "section": "status", "answer": "yes", "shown": "nl", "group": "x"}
            assert (await browser.post(path, data=fields)).url.path == "/", path
        assert await unanswered(world)


# officers


@pytest.mark.parametrize("stage", ["invited", "ceremony", "signed-in"])
async def test_no_button_of_the_console_makes_a_consent(world: World, stage: str) -> None:
    async with waiting_family(world) as (ids, secrets), officer_browser(world, stage) as officer:
        officer.browser.cookies.set("rondom", officer.token)
        officer.browser.cookies.set("rondom-passkey", officer.token)
        subject = next(iter(await rows_of(world, "handover"))).subject
        searches: list[dict[str, str]] = [
            {},
            {"identifier": "999990019"},
            {"subject": subject, "answer": "yes", "section": "status"},
            {"outcome": "denied", "organisation": SCHOOL},
            {"outcome": "confirmed", "note": "Gebeld."},
            {"outcome": "accepted", "note": "Gebeld."},
        ]
        statuses: dict[str, set[int]] = {}
        for act, whose in ACTS.items():
            method, _, template = act.partition(" ")
            if whose not in ("officer", "family") or template.endswith("/sign-out"):
                continue
            for extra in searches:
                fields = {**secrets, "section": "status", "answer": "yes", "shown": "nl", "group": "x", **extra}
                fields["text"] = "Ik vind alles goed."
                fields["csrf"] = officer.csrf
                if "/passkeys/" in template or template.startswith("/receipt/"):
                    headers = {"X-CSRF-Token": officer.csrf}
                    path = filled(template, ids)
                    answer = await officer.browser.request(method, path, json=fields, headers=headers)
                else:
                    answer = await officer.browser.request(method, filled(template, ids), data=fields)
                statuses.setdefault(act, set()).add(answer.status_code)
        if stage == "signed-in":
            assert statuses["POST /console/log/check"] == {200}
            assert statuses["POST /console/disclosures"] == {200, 400}, "an outcome that is none for a search"
            assert statuses["POST /console/review/items/{item_id}"] == {200, 400, 409}, "signed off once, with a note"
            assert statuses["POST /console/queue/{matter_id}"] == {200, 400, 409}, "settled once, and only with a note"
        assert await unanswered(world)
        assert await world.gets(TOM, "ib-joris") == []


async def test_an_officer_has_no_use_case_that_touches_consents() -> None:
    """The console's service cannot answer: it has no method that does, and the family's service is another object."""
    from broker.services.confirming import Confirming
    from broker.services.consents import Consents
    from broker.services.oversight import Oversight

    assert not issubclass(Oversight, Consents)
    own = {"enrolment_options", "enrol", "confirmation_options", "confirm_with_passkey", "stop_passkey"}
    assert own <= set(dir(Confirming))
    assert not own & set(dir(Oversight))
    assert not issubclass(Officers, Consents)
    family = {"confirm", "withdraw", "choose", "verify", "send_code", "questionnaire", "react"}
    assert family <= set(dir(Consents))
    assert not family & set(dir(Oversight))


# the family's own words


async def test_only_one_form_of_the_person_writes_words_and_an_answer_changes_none_of_them(world: World) -> None:
    recorder, made, counted = Recorder(), set(), [0]
    recorder.listen_to(world)
    listened = world.browser

    async def count(response: httpx.Response) -> None:
        now = len(await rows_of(world, "reaction"))
        if now != counted[0]:
            counted[0] = now
            made.add(recorder.heard[-1].route)

    def browser(language: str = "nl") -> httpx.AsyncClient:
        client = listened(language)
        client.event_hooks["response"].append(count)
        return client

    world.browser = browser  # type: ignore[method-assign]
    world.http.event_hooks["response"].append(count)
    await world.push(TOM)
    await world.answer(TOM, "mother", YES)
    request = await write(world, TOM, "mother", "status", "Het was dinsdag.")
    before = (await read(world, TOM)).json()["items"]
    assert (await answer(world, TOM, request)).status_code == 200
    after = (await read(world, TOM)).json()["items"]
    assert [{**item, "state": "not-corrected", "answer": "Wij zagen het zo."} for item in before] == after
    assert (made, counted) == (WRITES_REACTIONS, [1])


async def test_somebody_who_must_not_sign_is_shown_no_way_to_write_and_has_none(world: World) -> None:
    """Mother signs for Tom, not for father: of his own section she sees nothing, and its address is not there for her."""
    await world.push(TOM)
    async with world.browser() as mother, world.browser() as father:
        await world.come_in(mother, await world.invite(TOM, "mother"))
        await world.come_in(father, await world.invite(TOM, "father"))
        hers, his = [ways(world, (await browser.get("/mine")).text) for browser in (mother, father)]
        assert set(his) - set(hers) == {("parent-health", "reaction"), ("parent-health", "correction-request")}
        address = his["parent-health", "reaction"]
        fields = form_of((await father.get(address)).text, address)
        closed, absent = address.split("/")[3], "0" * 32
        pair = [told(await mother.get(f"/mine/sections/{part}/reaction"), but=part) for part in (closed, absent)]
        assert pair[0] == pair[1]
        assert pair[0][0] == 404
        mothers = form_of((await mother.get(hers["status", "reaction"])).text, hers["status", "reaction"])
        for form in (mothers, fields):
            answered = await mother.post(address, data={**form, "text": "Het was dinsdag."})
            assert answered.status_code in (403, 404)
    assert await rows_of(world, "reaction") == []


async def test_the_organisation_that_sent_it_cannot_write_with_the_code_alone(world: World) -> None:
    async with waiting_family(world) as (ids, secrets), world.browser() as worker:
        worker.cookies.set("rondom", secrets["cookie"])
        address = filled("/mine/sections/{part}/{kind}", ids)
        for _ in range(2):
            page = await worker.post(address, data={"csrf": secrets["csrf"], "text": "Ik vind alles goed."})
            assert page.url.path == "/one-time-code"
        assert await unanswered(world)


# what the organisation gets to hear


async def test_the_organisation_that_types_the_code_itself_never_learns_the_one_time_code(world: World) -> None:
    await world.push(TOM)
    recorder = Recorder()
    recorder.listen_to(world)
    code = await world.invite(TOM, "mother")
    async with world.browser() as worker:
        page = await worker.post("/code", data={"code": code})
        _, fields, buttons = next(form for form in forms_of(page.text) if form[0] == "/contact")
        assert len(buttons) == 2, "mother has a phone and an e-mail address"
        codes = []
        for _, contact in buttons:
            page = await worker.post("/contact", data={**fields, "contact": contact})
            codes.append(await world.one_time_code())
        form = form_of(page.text, "/one-time-code")
        for guess in ("000000", "", "1", codes[0] + "0", "yes"):
            await worker.post("/one-time-code", data={**form, "code": guess})
        for path in ("/one-time-code", "/contact", "/questions/1", "/check", "/mine", "/"):
            await worker.get(path)
        for path in (f"/v1/handovers/{world.handovers[TOM]}", "/v1/handovers?box=sent", "/v1/handovers"):
            await world.as_organisation(SENDER, "GET", path)
        await world.ask(TOM, "ib-joris")
        await world.as_professional("pt-anneke", "GET", f"/v1/handovers/{world.handovers[TOM]}")
        await world.http.get("/metrics")
    assert len(recorder.heard) > 20
    for exchange in recorder.heard:
        everything = f"{exchange.url}\n{exchange.headers}\n{exchange.body.decode()}"
        for secret in (*codes, "+31600000011", "31600000011", "linh@family.example"):
            assert not re.search(rf"(?<![\w.]){re.escape(secret)}(?!\w)", everything), (exchange.route, secret)
    assert await count_records(world) == 0


async def test_the_one_time_code_goes_only_to_the_persons_own_contact(world: World) -> None:
    await world.push(TOM)
    codes = {who: await world.invite(TOM, who) for who in ("tom", "mother", "father")}
    async with world.browser() as tom, world.browser() as worker:
        toms = forms_of((await tom.post("/code", data={"code": codes["tom"]})).text)
        theirs = next(buttons[0][1] for address, _, buttons in toms if address == "/contact")
        page = await worker.post("/code", data={"code": codes["mother"]})
        fields = form_of(page.text, "/contact")
        for contact in (theirs, "+31699999999", "worker@org.example", "", NO_SUCH_ID, "0", "sms"):
            more = {"to": "+31699999999", "value": "+31699999999", "channel": "sms"}
            answer = await worker.post("/contact", data={**fields, **more, "contact": contact})
            assert answer.status_code == 400, contact
        assert await world.messages("one-time-code") == []
        own = next(b for a, _, b in forms_of(page.text) if a == "/contact")
        await worker.post("/contact", data={**fields, "contact": own[0][1]})
        sent = await world.messages("one-time-code")
        assert [message["to"] for message in sent] in (["+31600000011"], ["linh@family.example"])


async def test_an_invitation_by_message_goes_to_the_person_and_tells_the_organisation_nothing(world: World) -> None:
    await world.push(TOM)
    path = f"/v1/handovers/{world.handovers[TOM]}/invitations"
    body = {"person": "father", "delivery": "message"}
    answer = await world.as_organisation(SENDER, "POST", path, body)
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "answerUntil"}
    [message] = await world.messages("invitation")
    assert message["to"] == "mark@family.example"
    code = re.findall(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b", message["text"])[0]
    assert code not in answer.text
    assert code.replace("-", "") not in answer.text


async def test_invitations_answer_nothing_by_themselves(world: World) -> None:
    await world.push(TOM)
    for delivery in ("paper", "message", "paper"):
        for person in ("tom", "mother", "father"):
            path = f"/v1/handovers/{world.handovers[TOM]}/invitations"
            answer = await world.as_organisation(SENDER, "POST", path, {"person": person, "delivery": delivery})
            assert answer.status_code == 201
            if delivery == "paper":
                async with world.browser() as browser:
                    await browser.get(f"/#{answer.json()['code']}")
                    await browser.post("/code", data={"code": answer.json()["code"]})
    view = (await world.as_organisation(SENDER, "GET", f"/v1/handovers/{world.handovers[TOM]}")).json()
    assert not any(signer["answered"] for signer in view["signers"])
    assert not any(section["open"] for section in view["sections"])
    assert await world.gets(TOM, "ib-joris") == []
    assert await unanswered(world)


async def test_who_need_not_answer_gets_no_invitation(world: World) -> None:
    """Opa speaks for himself only; somebody without a section or authority is not asked, so nobody can answer as them."""
    body = world.body("start-of-foster-care")
    body["sections"] = [s for s in body["sections"] if "grandfather" not in s["concerns"]]
    await world.push("start-of-foster-care", body)
    path = f"/v1/handovers/{world.handovers['start-of-foster-care']}/invitations"
    for person, status in (("grandfather", 409), ("grandmother", 409), ("nobody", 400), ("mother", 201)):
        invited = {"person": person, "delivery": "paper"}
        answer = await world.as_organisation("00000099000000110000", "POST", path, invited)
        assert answer.status_code == status, person


async def test_everybody_elses_handover_gets_no_invitation(world: World) -> None:
    await world.push(TOM)
    path = f"/v1/handovers/{world.handovers[TOM]}/invitations"
    nowhere = f"/v1/handovers/{NO_SUCH_ID}/invitations"
    invited = {"person": "tom", "delivery": "paper"}
    for oin in world.keys:
        if oin != SENDER:
            here = await world.as_organisation(oin, "POST", path, invited)
            assert here.status_code == 404
            assert told(here) == told(await world.as_organisation(oin, "POST", nowhere, invited))
    for who in ("pt-anneke", "ib-joris", "nov-sara"):
        assert (await world.as_professional(who, "POST", path, invited)).status_code == 403
    assert await rows_of(world, "invitation") == []


async def test_an_answer_given_through_an_invented_contact_is_heard_by_every_known_one(world: World) -> None:
    """A dishonest organisation states its own phone as Tom's: his real one, stated by another, hears of the answer."""
    await world.push(TOM)
    body = world.body("sander-to-team")
    tom = next(person for person in world.body(TOM)["people"] if person["key"] == "tom")
    body["people"][0] = {**tom, "key": "sander", "reference": "RB-L-78"}
    body["people"][0]["contacts"] = [{"channel": "sms", "value": "+31699999999"}]
    await world.push("sander-to-team", body)
    before = len(await world.messages("answer-kept"))
    await world.answer("sander-to-team", "sander", {"education": "yes"})
    heard = sorted(message["to"] for message in (await world.messages("answer-kept"))[before:])
    assert heard == ["+31600000013", "+31699999999"]


async def test_a_contact_added_later_does_not_silence_the_one_before(world: World) -> None:
    await world.push(TOM)
    again = world.body(TOM)
    again["reference"] = "PT-2026-0117b"
    again["people"][2]["contacts"] = [{"channel": "sms", "value": "+31699999999"}]
    await world.push(TOM, again)
    await world.answer(TOM, "father", YES)
    heard = sorted(message["to"] for message in await world.messages("answer-kept"))
    assert heard == ["+31699999999", "mark@family.example"]
