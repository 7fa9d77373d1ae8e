"""P05: opening or fetching never changes anything, and an answer counts once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import httpx

from broker.cli.visitor import answered, form_of, forms_of
from tests.support.agreeing import agree
from tests.support.agreements import propose
from tests.support.officers import OfficerBrowser, officer_browser
from tests.support.review import an_item
from tests.support.surface import (
    ACTS,
    LOOKS,
    NO_SUCH_ID,
    changed,
    count_records,
    doubt,
    dump,
    filled,
    inventory,
    rows_of,
    told,
)
from tests.support.world import URL, World
from tests.support.writing import answer as answer_it
from tests.support.writing import send, ways, write

SENDER, SCHOOL, STRANGER = "00000099000000010000", "00000099000000020000", "00000099000000030000"
TOM, SEVERAL = "tom-to-school", "start-of-foster-care"
LOOKING_BACK = ("/mine/1/recipients", "/mine/0/recipients", "/mine/9/recipients", "/mine/x/recipients", "/mine")
ASKED_EACH = ("/questions/1/recipients", "/questions/2/recipients", "/questions/9/recipients", "/questions/1")
YES = {"status": "yes", "voice-of-the-child": "yes", "safety-plan": "yes"}

OFFICERS_LOOK = {
    "log_entry",  # looking at the log is itself logged, on purpose (NEN 7513)
    "log_opening",
    "log_subject_key",
    "log_subject_index",
    "log_index",
    "log_tile",
    "log_state",
    "log_checkpoint",
    "log_follower",  # how far the console has read the log
    "indicator_count",  # the same by month
    "log_daily",  # how many of what there were on this day
    "log_fold",  # and which of them read the same
    "log_fold_entry",
    "log_fold_about",
}
"""What a signed-in officer's GET may change."""
SENDERS_LOOK = OFFICERS_LOOK
"""What a sender's GET of what a family wrote may change. Nobody else's GET changes any table at all."""


@contextlib.asynccontextmanager
async def answering(world: World, person: str, says: Mapping[str, str] = YES) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of somebody who chose every answer and did not press the last button yet."""
    async with world.browser() as browser:
        await choose_all(world, browser, await world.invite(TOM, person), says)
        yield browser


async def choose_all(world: World, browser: httpx.AsyncClient, code: str, says: Mapping[str, str] = YES) -> None:
    page = await world.come_in(browser, code)
    while page.url.path.startswith("/questions/"):
        fields = form_of(page.text, page.url.path)
        page = await browser.post(page.url.path, data={**fields, "answer": says.get(fields["section"], "no")})
    assert page.url.path == "/check", page.text


async def confirm_form(browser: httpx.AsyncClient) -> dict[str, str]:
    return form_of((await browser.get("/check")).text, "/check")


async def has_sent(world: World, browser: httpx.AsyncClient, code: str) -> dict[str, str]:
    """Come as far as the page for the one-time code; returns the fields of its form."""
    page = await browser.post("/code", data={"code": code})
    address, fields, buttons = next(form for form in forms_of(page.text) if form[0] == "/contact")
    page = await browser.post(address, data={**fields, "contact": buttons[0][1]})
    assert page.url.path == "/one-time-code", page.text
    return form_of(page.text, "/one-time-code")


def other(code: str) -> str:
    """Another one-time code than this."""
    return f"{(int(code) + 1) % 10**6:06d}"


# opening


async def test_a_new_route_is_known_before_it_ships(world: World) -> None:
    looks, acts = inventory(world.app)
    assert looks == LOOKS
    assert acts == set(ACTS)


async def test_get_and_head_of_every_address_by_everybody_change_nothing(world: World) -> None:
    await world.push(TOM)
    mother = await world.answer_on_pages(TOM, "mother", YES)
    unread = await world.invite(TOM, "tom")
    await world.answer(TOM, "father", {})
    await doubt(world)
    reaction = await write(world, TOM, "mother", "status", "Het was dinsdag.")
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[TOM, "mother"])
        part = ways(world, (await browser.get("/mine")).text)["status", "reaction"].split("/")[3]
    release = await world.ask(TOM, "ib-joris")
    assert release.status_code == 403
    asset = next(part for part in (await world.http.get("/")).text.split('"') if part.startswith("/static/"))
    ids = {
        "id": world.handovers[TOM],
        "path": "0/000.p/1",
        "entry": "0",
        "name": asset.removeprefix("/static/"),
        "position": "1",
        "receipt_id": mother.url.path.removeprefix("/receipt/"),
        "entry_id": (await rows_of(world, "log_entry"))[0].entry_id,
        "matter_id": (await rows_of(world, "matter"))[0].id,
        "proposal_id": await propose(world),
        "item_id": await an_item(world),
        "motion_id": NO_SUCH_ID,
        "purpose": "take-away",
        "back": "files",
        "period": "weeks",
        "quarter": "2026-Q3",
        "reaction": reaction,
        "task": NO_SUCH_ID,
        "part": part,
        "kind": "reaction",
        "oin": "00000099000000020000",
        "organisation_kind": "school",
        "text_id": part,
        "plan": part,
        "language": "nl",
        "provider": "waterdijk",
        "reason": "login-unknown",
    }
    addresses = sorted({filled(path, ids) for path in LOOKS | {act.partition(" ")[2] for act in ACTS}})
    addresses += [f"/v1/handovers/{NO_SUCH_ID}", f"/receipt/{NO_SUCH_ID}", "/questions/9", "/nowhere", "/v1/nowhere"]
    addresses += [f"/{unread}", f"/?code={unread}", f"/code?code={unread}"]

    async with contextlib.AsyncExitStack() as stack:

        async def fresh() -> httpx.AsyncClient:
            return await stack.enter_async_context(world.browser())

        visitors: dict[str, httpx.AsyncClient] = {"nobody": await fresh()}
        tokens = {
            "sender": await world.token(SENDER),
            "recipient": await world.token(SCHOOL),
            "professional": await world.token(*world.professional("ib-joris")),
            "stranger": await world.token(*world.professional("nov-sara")),
        }
        for who, token in tokens.items():
            visitors[who] = await fresh()
            visitors[who].headers["Authorization"] = f"Bearer {token}"
        visitors["typed the code"] = await fresh()
        await visitors["typed the code"].post("/code", data={"code": unread})
        visitors["waits for the one-time code"] = await fresh()
        await has_sent(world, visitors["waits for the one-time code"], unread)
        visitors["chose and did not confirm"] = await fresh()
        await choose_all(world, visitors["chose and did not confirm"], unread)
        visitors["looks back"] = await fresh()
        await world.come_in(visitors["looks back"], world.codes[TOM, "mother"])
        visitors["officer with an invitation"] = (
            await stack.enter_async_context(officer_browser(world, "invited"))
        ).browser

        before, opened = await dump(world), set()
        for who, browser in visitors.items():
            browser.follow_redirects = False
            for address in addresses:
                # A token means nothing to a page, nor a cookie to the API; everything is tried by nobody and one of each.
                if who in ("recipient", "stranger", "sender") and not address.startswith("/v1"):
                    continue
                if who == "sender" and address.endswith(("/reactions", "/sign-offs")):
                    continue  # is logged: see below
                if who in ("typed the code", "waits for the one-time code", "looks back") and address.startswith("/v1"):
                    continue
                for method in ("GET", "HEAD", "OPTIONS") if who == "nobody" else ("GET", "HEAD"):
                    answer = await browser.request(method, address)
                    assert answer.status_code < 500, (who, method, address, answer.status_code)
                    if method == "GET" and answer.status_code == 200:
                        opened.add((who, address))
            assert changed(before, await dump(world)) == set(), who
    # The attack reached what there is to open.
    assert {
        ("nobody", "/"),
        ("sender", f"/v1/handovers/{ids['id']}"),
        ("recipient", "/v1/handovers"),
        ("professional", "/v1/policies/current"),
        ("typed the code", "/contact"),
        ("waits for the one-time code", "/one-time-code"),
        ("chose and did not confirm", "/questions/1"),
        ("chose and did not confirm", "/check"),
        ("looks back", "/mine"),
        ("looks back", f"/receipt/{ids['receipt_id']}/file"),
        ("looks back", f"/receipt/{ids['receipt_id']}/fhir"),
        ("nobody", "/v1/contexts/consent-record-1.jsonld"),
        ("looks back", f"/mine/reactions/{reaction}"),
        ("looks back", f"/mine/sections/{part}/reaction"),
        ("officer with an invitation", "/console/passkey"),
    } <= opened


async def test_looking_at_the_pages_per_recipient_and_asking_for_them_changes_nothing(world: World) -> None:
    await world.push(SEVERAL)
    await world.answer(SEVERAL, "mother", {"timeline": "yes", "safety-plan": "yes"})
    async with world.browser() as mother, world.browser() as chayenne:
        await world.come_in(mother, world.codes[SEVERAL, "mother"])
        page = await world.come_in(chayenne, await world.invite(SEVERAL, "chayenne"))
        before, seen = await dump(world), set()
        for browser, addresses in ((mother, LOOKING_BACK), (chayenne, ASKED_EACH)):
            for address in addresses:
                for method in ("GET", "HEAD"):
                    answer = await browser.request(method, address)
                    assert answer.status_code in (200, 404), (method, address)
                    seen.add(answer.url.path)
        assert {"/mine/1/recipients", "/questions/1/recipients"} <= seen
        fields = {**form_of(page.text, "/questions/1"), "answer": "each"}
        page = await chayenne.post("/questions/1", data=fields)
        assert page.url.path == "/questions/1/recipients"
        assert "checked" not in page.text, "nothing is chosen beforehand"
        form = {**answered(page.text, page.url.path, {"timeline": {}}), "_method": "POST"}
        assert (await chayenne.get("/questions/1/recipients", params=form)).status_code == 200
        assert (await chayenne.get("/check")).url.path == "/questions/1", "no choice was made"
        assert changed(before, await dump(world)) == set()


async def test_what_a_sender_reads_of_a_family_leaves_its_own_log_line_and_nothing_else(world: World) -> None:
    await world.push(TOM)
    path = f"/v1/handovers/{world.handovers[TOM]}/reactions"
    await write(world, TOM, "mother", "status", "Het was dinsdag.")
    for oin in (SENDER, SCHOOL, STRANGER):
        await world.token(oin)
    before = await dump(world)
    known = {row.entry_id for row in await rows_of(world, "log_entry")}
    assert (await world.as_organisation(SENDER, "GET", path)).status_code == 200
    for oin in (SCHOOL, STRANGER):
        assert (await world.as_organisation(oin, "GET", path)).status_code == 404
    assert changed(before, await dump(world)) <= SENDERS_LOOK
    new = [row.type for row in await rows_of(world, "log_entry") if row.entry_id not in known]
    assert new == ["reaction:read"]


async def test_what_a_sender_reads_of_who_agrees_leaves_its_own_log_line_and_nothing_else(world: World) -> None:
    await world.push("jack-to-gp")
    await agree(world, "jack-to-gp", "mother", "Het was dinsdag.")
    path = f"/v1/handovers/{world.handovers['jack-to-gp']}/sign-offs"
    for oin in (SENDER, SCHOOL, STRANGER):
        await world.token(oin)
    before = await dump(world)
    known = {row.entry_id for row in await rows_of(world, "log_entry")}
    assert "Het was dinsdag." in (await world.as_organisation(SENDER, "GET", path)).text
    for oin in (SCHOOL, STRANGER):
        assert (await world.as_organisation(oin, "GET", path)).status_code == 404
    assert changed(before, await dump(world)) <= SENDERS_LOOK
    new = [row.type for row in await rows_of(world, "log_entry") if row.entry_id not in known]
    assert new == ["signoff:read"]


async def test_words_sent_twice_or_many_times_at_once_are_kept_once(world: World) -> None:
    await world.push(TOM)
    async with world.browser() as browser:
        await world.come_in(browser, await world.invite(TOM, "mother"))
        first = await send(world, browser, "status", "correction-request", "Het was dinsdag.")
        assert (await send(world, browser, "status", "correction-request", "Het was dinsdag.")).url == first.url
        address = ways(world, (await browser.get("/mine")).text)["status", "reaction"]
        form = {**form_of((await browser.get(address)).text, address), "text": "Nog eens."}
        sent = await asyncio.gather(*(browser.post(address, data=form) for _ in range(6)))
        assert len({page.url.path for page in sent}) == 1
    assert sorted(row.kind for row in await rows_of(world, "reaction")) == ["correction-request", "reaction"]
    assert [row.type for row in await rows_of(world, "log_entry")].count("reaction:written") == 2


async def test_a_request_answered_many_times_at_once_is_answered_once(world: World) -> None:
    await world.push(TOM)
    request = await write(world, TOM, "mother", "status", "Het was dinsdag.")
    sent = await asyncio.gather(*(answer_it(world, TOM, request, explanation=f"{n}") for n in range(6)))
    assert sorted(response.status_code for response in sent) == [200] + [409] * 5
    assert [row.type for row in await rows_of(world, "log_entry")].count("reaction:answered") == 1
    assert len(await world.messages("reaction-answered")) == 1


async def test_what_an_officer_opens_leaves_its_own_log_lines_and_nothing_else(world: World) -> None:
    await world.push(TOM)
    await doubt(world)
    await world.ask(TOM, "ib-joris")
    matter, item = (await rows_of(world, "matter"))[0].id, await an_item(world)
    entry, proposal = (await rows_of(world, "log_entry"))[0].entry_id, await propose(world)
    world.clock.fixed = world.clock()
    async with officer_browser(world) as officer:
        before, known = await dump(world), {row.entry_id for row in await rows_of(world, "log_entry")}
        for path in sorted(LOOKS):
            ids = {"id": world.handovers[TOM], "path": "0/000", "entry": "0", "name": "x", "position": "1"}
            ids |= {
                "proposal_id": proposal,
                "item_id": item,
                "motion_id": NO_SUCH_ID,
                "purpose": "take-away",
                "back": "files",
                "period": "months",
                "quarter": "2026-Q3",
                "reaction": NO_SUCH_ID,
                "part": "0" * 32,
                "kind": "reaction",
                "oin": "00000099000000020000",
                "organisation_kind": "school",
                "text_id": "0" * 32,
                "plan": "0" * 32,
                "language": "nl",
                "provider": "waterdijk",
                "reason": "login-unknown",
            }
            address = filled(path, {**ids, "receipt_id": NO_SUCH_ID, "entry_id": entry, "matter_id": matter})
            for method in ("GET", "HEAD"):
                answer = await officer.browser.request(method, address)
                assert answer.status_code < 500, (method, address)
        after = await dump(world)
        await only_the_idle_clock_goes_on(world, officer)
    assert changed(before, after) <= OFFICERS_LOOK, "not the matters, nor the items: looking settles nothing"
    new = [row for row in await rows_of(world, "log_entry") if row.entry_id not in known]
    assert {row.type for row in new} == {"log:searched", "log:viewed"}
    assert not before["log_entry"] - after["log_entry"], "a line that was there is gone"
    assert len(await rows_of(world, "visit")) == 1


async def test_a_form_sent_by_get_or_under_another_method_name_answers_nothing(world: World) -> None:
    await world.push(TOM)
    async with answering(world, "tom") as browser:
        form = await confirm_form(browser)
        writing = ways(world, (await browser.get("/mine")).text)["status", "reaction"]
        before = await dump(world)
        disguises: list[tuple[str, dict[str, str]]] = [
            ("GET", {}),
            ("HEAD", {}),
            ("GET", {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST"}),
            ("GET", {"Sec-Purpose": "prefetch"}),
            ("PUT", {}),
            ("PATCH", {}),
            ("DELETE", {}),
        ]
        for method, headers in disguises:
            addresses = (
                "/check",
                "/mine/stop",
                "/mine/messages",
                "/mine/check-ins",
                "/questions/1",
                "/questions/1/recipients",
                "/sign-out",
                "/language",
                writing,
            )
            for address in addresses:
                fields = {**form, "_method": "POST", "answer": "no", "section": "status", "language": "en"}
                fields |= {"messages": "no", "text": "Het was dinsdag."}
                await browser.request(method, address, params=fields, headers=headers)
        assert changed(before, await dump(world)) == set()
        assert (await browser.post("/check", data=form)).url.path.startswith("/receipt/"), "the form itself was good"


# answering


async def test_choosing_without_confirming_is_no_consent(world: World) -> None:
    await world.push(TOM)
    await world.answer(TOM, "mother", YES)
    await world.answer(TOM, "father", YES)
    so_far = await count_records(world)
    async with answering(world, "tom") as browser:
        await browser.get("/check")
        assert await count_records(world) == so_far
        assert await world.gets(TOM, "ib-joris") == []
        async with world.browser() as another:
            page = await world.come_in(another, world.codes[TOM, "tom"])
            assert page.url.path == "/questions/1", "what was chosen in one visit is not in another"
            assert "/check" not in page.text
            assert (await another.get("/check")).url.path == "/questions/1"
            fields = {**form_of(page.text, "/questions/1"), "shown": "nl"}
            answer = await another.post("/check", data=fields)
            assert answer.status_code == 409
        assert await count_records(world) == so_far
        await browser.post("/check", data=await confirm_form(browser))
    assert await count_records(world) > so_far
    assert await world.gets(TOM, "ib-joris") == sorted(YES)


async def test_a_replayed_confirmation_counts_once(world: World) -> None:
    await world.push(TOM)
    async with answering(world, "tom") as browser:
        form = await confirm_form(browser)
        assert (await browser.post("/check", data=form)).url.path.startswith("/receipt/")
        before = await dump(world)
        for _ in range(3):
            again = await browser.post("/check", data=form)
            assert again.status_code == 409
        assert changed(before, await dump(world)) == set()


async def test_a_confirmation_sent_many_times_at_once_counts_once(world: World) -> None:
    await world.push(TOM)
    async with answering(world, "tom") as browser:
        form = await confirm_form(browser)
        answers = await asyncio.gather(*(browser.post("/check", data=form) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert len(await rows_of(world, "signer_receipt")) == 1
    assert await count_records(world) == 1


async def test_a_forwarded_link_in_two_browsers_answers_once(world: World) -> None:
    await world.push(TOM)
    async with answering(world, "tom") as first, world.browser() as second:
        await choose_all(world, second, world.codes[TOM, "tom"], {})
        forms = [await confirm_form(first), await confirm_form(second)]
        answers = await asyncio.gather(first.post("/check", data=forms[0]), second.post("/check", data=forms[1]))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert len(await rows_of(world, "signer_receipt")) == 1
        assert await count_records(world) == 1


async def test_a_link_opened_elsewhere_needs_the_persons_own_contact(world: World) -> None:
    await world.push(TOM)
    code = await world.invite(TOM, "tom")
    async with world.browser() as friend:
        page = await friend.post("/code", data={"code": code})
        for path in ("/questions/1", "/check", "/mine", f"/receipt/{NO_SUCH_ID}"):
            assert (await friend.get(path)).url.path == "/contact", "nothing before the one-time code"
        csrf = form_of(page.text, "/contact")["csrf"]
        for path in ("/questions/1", "/check", "/mine/stop"):
            fields = {"csrf": csrf, "section": "status", "answer": "yes", "shown": "nl", "group": "x"}
            answer = await friend.post(path, data=fields)
            assert answer.url.path == "/contact", path
        for fields in ({"code": ""}, {"code": "000000"}, {"code": "0" * 200}):
            answer = await friend.post("/one-time-code", data={"csrf": csrf, **fields})
            assert answer.status_code in (400, 403, 429), "no code was sent, so none is right"
    assert await count_records(world) == 0
    assert {row.stage for row in await rows_of(world, "visit")} == {"code"}


async def test_a_used_code_cannot_answer_again_but_lets_the_person_look_and_stop(world: World) -> None:
    await world.push(TOM)
    await world.answer(TOM, "tom", YES)
    count = await count_records(world)
    async with world.browser() as browser:
        page = await world.come_in(browser, world.codes[TOM, "tom"])
        assert page.url.path == "/mine"
        stop = next(fields for address, fields, _ in forms_of(page.text) if address == "/mine/stop")
        for path in ("/questions/1", "/check"):
            assert (await browser.get(path)).url.path == "/mine"
        fields = {"csrf": stop["csrf"], "section": "status", "answer": "yes", "shown": "nl"}
        assert (await browser.post("/questions/1", data=fields)).url.path == "/mine"
        assert (await browser.post("/check", data=fields)).status_code == 409
        assert await count_records(world) == count
        done = await browser.post("/mine/stop", data={**stop, "section": "status"})
        assert done.url.path.startswith("/receipt/")
        assert await count_records(world) == count + 1
        again = await browser.post("/mine/stop", data={**stop, "section": "status"})
        assert again.status_code == 409, "stopping counts once too"
        assert await count_records(world) == count + 1


async def test_a_code_that_is_too_old_answers_nothing(world: World) -> None:
    await world.push(TOM)
    code = await world.invite(TOM, "tom")
    async with world.browser() as browser:
        await choose_all(world, browser, code)
        form = await confirm_form(browser)
        world.clock.moved += timedelta(minutes=29)  # the visit lives for half an hour
        assert (await browser.get("/check")).status_code == 200
        world.clock.moved += timedelta(minutes=2)
        assert (await browser.post("/check", data=form)).url.path == "/", "the visit is over"
    world.clock.moved += timedelta(days=30)
    async with world.browser() as browser:
        page = await browser.post("/code", data={"code": code})
        assert page.status_code == 409
        assert (await browser.get("/contact")).url.path == "/"
    assert await count_records(world) == 0


async def test_an_answer_never_lands_on_another_question(world: World) -> None:
    await world.push(TOM)
    async with world.browser() as browser:
        page = await world.come_in(browser, await world.invite(TOM, "mother"))
        fields = {**form_of(page.text, "/questions/1"), "answer": "yes"}
        before = await dump(world)
        for position, section in (
            ("2", fields["section"]),
            ("1", "safety-plan"),
            ("1", "parent-health"),
            ("9", "status"),
        ):
            answer = await browser.post(f"/questions/{position}", data={**fields, "section": section})
            assert answer.status_code in (404, 409), (position, section)
        for more in ({"answer": "maybe"}, {"answer": ""}, {"shown": "xx"}):
            assert (await browser.post("/questions/1", data={**fields, **more})).status_code == 400, more
        assert changed(before, await dump(world)) == set()


# guessing


async def test_guessed_codes_meet_a_limit(world: World) -> None:
    await world.push(TOM)
    code = await world.invite(TOM, "tom")
    before = await dump(world)
    async with world.browser() as browser:
        answers = [await browser.post("/code", data={"code": f"AAAA-BBBB-{n:04d}"}) for n in range(61)]
        assert [answer.status_code for answer in answers] == [404] * 60 + [429]
        assert int(answers[-1].headers["Retry-After"]) > 0
        right = await browser.post("/code", data={"code": code})
        assert right.status_code == 429, "the right one is refused too: the limit tells nothing"
        assert changed(before, await dump(world)) == {"guard_count"}
        assert not browser.cookies.get("rondom")
        elsewhere = httpx.ASGITransport(app=world.app, raise_app_exceptions=False, client=("198.51.100.9", 1))
        async with httpx.AsyncClient(transport=elsewhere, base_url=URL, headers={"Origin": URL}) as somebody_else:
            assert (await somebody_else.post("/code", data={"code": code})).status_code == 303
        world.clock.moved += timedelta(minutes=20)
        assert (await browser.post("/code", data={"code": code})).url.path == "/contact"


async def test_a_forged_forwarding_header_does_not_lift_the_limit(world: World) -> None:
    async with world.browser() as browser:
        statuses = []
        for n in range(61):
            claimed = {
                "X-Forwarded-For": f"203.0.113.{n}",
                "Forwarded": f"for=203.0.113.{n}",
                "X-Real-IP": f"10.0.0.{n}",
            }
            answer = await browser.post("/code", data={"code": f"AAAA-BBBB-{n:04d}"}, headers=claimed)
            statuses.append(answer.status_code)
    assert statuses[-1] == 429


async def test_after_five_wrong_one_time_codes_the_right_one_is_refused(world: World) -> None:
    await world.push(TOM)
    async with world.browser() as browser:
        form = await has_sent(world, browser, await world.invite(TOM, "tom"))
        right = await world.one_time_code()
        for _ in range(5):
            answer = await browser.post("/one-time-code", data={**form, "code": other(right)})
            assert answer.status_code == 403
            assert right not in answer.text
        assert (await browser.post("/one-time-code", data={**form, "code": right})).status_code == 429
        assert (await browser.get("/questions/1")).url.path == "/one-time-code"
        page = await browser.get("/one-time-code")
        again = next((f, b) for a, f, b in forms_of(page.text) if a == "/contact")
        await browser.post("/contact", data={**again[0], "contact": again[1][0][1]})
        answer = await browser.post("/one-time-code", data={**form, "code": await world.one_time_code()})
        assert answer.url.path == "/questions/1", "a new code works"


async def test_the_fifth_try_may_still_be_right(world: World) -> None:
    await world.push(TOM)
    async with world.browser() as browser:
        form = await has_sent(world, browser, await world.invite(TOM, "tom"))
        right = await world.one_time_code()
        for _ in range(4):
            await browser.post("/one-time-code", data={**form, "code": other(right)})
        answer = await browser.post("/one-time-code", data={**form, "code": right})
        assert answer.url.path == "/questions/1"


async def test_one_time_codes_tried_all_at_once_still_count_one_by_one(world: World) -> None:
    await world.push(TOM)
    async with world.browser() as browser:
        form = await has_sent(world, browser, await world.invite(TOM, "tom"))
        right = await world.one_time_code()
        tries = [browser.post("/one-time-code", data={**form, "code": other(right)}) for _ in range(12)]
        statuses = sorted(answer.status_code for answer in await asyncio.gather(*tries))
    assert statuses == [403] * 5 + [429] * 7


async def test_one_time_codes_are_sent_five_times_an_hour_however_many_visits(world: World) -> None:
    await world.push(TOM)
    code = await world.invite(TOM, "tom")
    statuses = []
    for _ in range(6):
        async with world.browser() as browser:
            page = await browser.post("/code", data={"code": code})
            _, fields, buttons = next(form for form in forms_of(page.text) if form[0] == "/contact")
            statuses.append((await browser.post("/contact", data={**fields, "contact": buttons[0][1]})).status_code)
    assert statuses == [200] * 5 + [429]
    assert len(await world.messages("one-time-code")) == 5


async def test_an_old_one_time_code_opens_nothing(world: World) -> None:
    await world.push(TOM)
    async with world.browser() as browser:
        form = await has_sent(world, browser, await world.invite(TOM, "tom"))
        first = await world.one_time_code()
        page = await browser.get("/one-time-code")
        again = next((f, b) for a, f, b in forms_of(page.text) if a == "/contact")
        await browser.post("/contact", data={**again[0], "contact": again[1][0][1]})
        second = await world.one_time_code()
        if first != second:
            answer = await browser.post("/one-time-code", data={**form, "code": first})
            assert answer.status_code == 403, "a new code ends the one before"
        world.clock.moved += timedelta(minutes=10)
        answer = await browser.post("/one-time-code", data={**form, "code": second})
        assert answer.status_code == 403, "ten minutes have passed"
        assert (await browser.get("/questions/1")).url.path == "/one-time-code"


async def test_a_one_time_code_works_once(world: World) -> None:
    await world.push(TOM)
    code = await world.invite(TOM, "tom")
    async with world.browser() as browser, world.browser() as thief:
        page = await world.come_in(browser, code)
        assert page.url.path == "/questions/1"
        used = await world.one_time_code()
        form = await has_sent(world, thief, code)
        if used != await world.one_time_code():
            assert (await thief.post("/one-time-code", data={**form, "code": used})).status_code == 403
            assert (await thief.get("/questions/1")).url.path == "/one-time-code"


async def test_a_one_time_code_of_another_visit_opens_nothing(world: World) -> None:
    await world.push(TOM)
    async with world.browser() as mother, world.browser() as father:
        await has_sent(world, mother, await world.invite(TOM, "mother"))
        hers = await world.one_time_code()
        form = await has_sent(world, father, await world.invite(TOM, "father"))
        if hers != await world.one_time_code():
            assert (await father.post("/one-time-code", data={**form, "code": hers})).status_code == 403
            assert (await father.get("/questions/1")).url.path == "/one-time-code"


# foreign pages


ELSEWHERE: tuple[dict[str, str], ...] = (
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": f"{URL}.evil.example"},
    {"Origin": "http://localhost:8081"},
    {"Origin": "https://localhost:8080"},
    {"Origin": URL, "Sec-Fetch-Site": "cross-site"},
    {"Origin": URL, "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
)
"""What a browser says of a form that another page, or no page, made it send."""


async def test_a_foreign_page_cannot_press_a_button(world: World) -> None:
    await world.push(TOM)
    await world.answer(TOM, "mother", YES)
    async with answering(world, "tom") as tom, world.browser() as mother, officer_browser(world) as officer:
        await world.come_in(mother, world.codes[TOM, "mother"])
        stop = next(f for a, f, _ in forms_of((await mother.get("/mine")).text) if a == "/mine/stop")
        form = await confirm_form(tom)
        writing = ways(world, (await mother.get("/mine")).text)["status", "reaction"]
        for browser in (tom, mother, officer.browser):
            del browser.headers["Origin"]
        before = await dump(world)
        presses: list[tuple[httpx.AsyncClient, str, dict[str, str]]] = [
            (tom, "/check", form),
            (tom, "/questions/1", {**form, "section": "status", "answer": "no"}),
            (tom, "/language", {**form, "language": "en"}),
            (tom, "/sign-out", form),
            (tom, "/code", {"code": world.codes[TOM, "tom"]}),
            (mother, "/mine/stop", {**stop, "section": "status"}),
            (mother, "/mine/stop", {**stop, "all": "yes"}),
            (mother, "/mine/messages", {**stop, "messages": "no"}),
            (mother, "/mine/check-ins", stop),
            (mother, writing, {"csrf": stop["csrf"], "text": "Het was dinsdag."}),
            (officer.browser, "/console/sign-out", {"csrf": officer.csrf}),
        ]
        for headers in ELSEWHERE:
            for browser, address, fields in presses:
                answer = await browser.post(address, data=fields, headers=headers)
                assert answer.status_code == 403, (headers, address, answer.status_code)
            for address in ("sign-in-options", "sign-in"):
                answer = await officer.browser.post(f"/console/passkeys/{address}", json={}, headers=headers)
                assert answer.status_code == 403, (headers, address)
        # The officer's own idle clock is the one thing that goes on.
        assert changed(before, await dump(world)) <= IDLE_CLOCK
        assert len(await rows_of(world, "visit")) == 4
        tom.headers["Origin"] = URL
        assert (await tom.post("/check", data=form)).url.path.startswith("/receipt/"), "the form itself was good"


async def test_a_form_without_the_secret_of_its_own_visit_is_refused(world: World) -> None:
    await world.push(TOM)
    async with answering(world, "tom") as tom, answering(world, "mother") as mother:
        form, hers = await confirm_form(tom), await confirm_form(mother)
        assert form["csrf"] != hers["csrf"]
        without = {name: value for name, value in form.items() if name != "csrf"}
        writing = ways(world, (await tom.get("/mine")).text)["status", "reaction"]
        before = await dump(world)
        for secret in (None, "", "x", form["csrf"][:-1], form["csrf"].swapcase() + "é", hers["csrf"]):
            fields = without if secret is None else {**without, "csrf": secret}
            for address, more in (
                ("/check", {}),
                ("/questions/1", {"section": "status", "answer": "no"}),
                ("/language", {"language": "en"}),
                ("/sign-out", {}),
                ("/mine/stop", {"section": "status", "group": "x"}),
                ("/mine/messages", {"messages": "no"}),
                ("/mine/check-ins", {}),
                (writing, {"text": "Het was dinsdag."}),
            ):
                answer = await tom.post(address, data={**fields, **more})
                assert answer.status_code == 403, (secret, address)
        twice = f"csrf={form['csrf']}&csrf={form['csrf']}&shown=nl"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert (await tom.post("/check", content=twice, headers=kind)).status_code == 400
        for body, media in ((twice, "text/plain"), ('{"csrf": "x"}', "application/json")):
            assert (await tom.post("/check", content=body, headers={"Content-Type": media})).status_code in (400, 403)
        assert changed(before, await dump(world)) == set()
        assert (await tom.post("/check", data=form)).url.path.startswith("/receipt/"), "the form itself was good"


async def test_a_cookie_made_up_or_of_a_visit_that_ended_is_worth_nothing(world: World) -> None:
    await world.push(TOM)
    async with answering(world, "tom") as browser:
        form, cookie = await confirm_form(browser), browser.cookies["rondom"]
        assert (await browser.post("/sign-out", data=form)).url.path == "/signed-out"
        before = await dump(world)
        for value in (cookie, "x", "", cookie[:-1], "0" * 43):
            async with world.browser() as thief:
                thief.cookies.set("rondom", value)
                assert (await thief.post("/check", data=form)).url.path == "/"
                assert (await thief.get("/mine")).url.path == "/"
        assert changed(before, await dump(world)) == set()


async def test_asking_for_the_same_page_twice_shows_the_same(world: World) -> None:
    await world.push(TOM)
    async with answering(world, "mother") as browser:
        for path in ("/questions/1", "/check", "/questions/2"):
            assert told(await browser.get(path)) == told(await browser.get(path)), path


IDLE_CLOCK = {"visit"}


async def only_the_idle_clock_goes_on(world: World, officer: OfficerBrowser) -> None:
    """A look a minute later writes when the visit ends, and nothing else of it; one within the minute writes nothing."""
    [before] = await rows_of(world, "visit")
    assert world.clock.fixed is not None
    world.clock.fixed += timedelta(seconds=59)
    await officer.browser.get("/console/agreement")
    assert await rows_of(world, "visit") == [before]
    world.clock.fixed += timedelta(seconds=2)
    await officer.browser.get("/console/agreement")
    [after] = await rows_of(world, "visit")
    assert after.expires == before.expires + timedelta(seconds=61)
    assert {**after._mapping, "expires": before.expires} == dict(before._mapping)
