"""The agreement as a policy decision point: the OpenID AuthZEN Authorization API 1.0, evaluation and evaluations.

- The decision is the agreement's alone; every answer says so (`scope`). It releases nothing and knows of no consent.
- What is wrong with the request as a whole is a 400; what is wrong with one of several evaluations is a no of its own.
- Unknown fields are passed over, as the specification wants (section "Forward compatibility").

Source: openid.net/specs/authorization-api-1_0.html, sections "Access Evaluation API", "Access Evaluations API",
"Policy Decision Point Metadata" and "Transport".
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from broker.api.answers import NO_STORE
from broker.api.bodies import OtherForm, read_json
from broker.api.deps import AsOrganisation, Use
from broker.domain.ports import AgreementInForce
from broker.errors import Fault, Invalid, Words
from broker.services.evaluations import Asked, Evaluation, evaluate

router = APIRouter(include_in_schema=False)
MOST = 50
"""Evaluations in one request."""
PARTS: Mapping[str, tuple[str, ...]] = {"subject": ("type", "id"), "action": ("name",), "resource": ("type", "id")}
"""The entities of an evaluation, with what each must have."""
STOPS = {"execute_all": None, "deny_on_first_deny": False, "permit_on_first_permit": True}
"""The semantics, and the decision after which each stops."""


@router.post("/access/v1/evaluation")
async def evaluation(request: Request, api: Use, organisation: AsOrganisation) -> Response:
    """One question, one decision."""
    asked = _single(await _body(request))
    api.evaluations.spend(organisation.oin, 1)
    return _answer(_said(evaluate(api.evaluations.agreement(), asked)))


@router.post("/access/v1/evaluations")
async def evaluations(request: Request, api: Use, organisation: AsOrganisation) -> Response:
    """Several questions, answered in their order; without any, as `evaluation`."""
    body = await _body(request)
    asked, stops_after = _several(body), _semantic(body)
    if not asked:
        api.evaluations.spend(organisation.oin, 1)
        return _answer(_said(evaluate(api.evaluations.agreement(), _single(body))))
    api.evaluations.spend(organisation.oin, len(asked))
    agreement, decided = api.evaluations.agreement(), []
    for item in asked:
        decided.append(_one_of_several(agreement, body, item))
        if decided[-1]["decision"] is stops_after:
            break
        await asyncio.sleep(0)  # an answer takes a while to work out: others go in between
    return _answer({"evaluations": decided})


@router.get("/.well-known/authzen-configuration")
async def metadata(api: Use) -> JSONResponse:
    """Where the endpoints are. There is no search: whom the agreement could concern is not ours to list."""
    return JSONResponse(
        {
            "policy_decision_point": api.public_url,
            "access_evaluation_endpoint": f"{api.public_url}/access/v1/evaluation",
            "access_evaluations_endpoint": f"{api.public_url}/access/v1/evaluations",
        }
    )


async def _body(request: Request) -> dict[str, Any]:
    """The body: a JSON object. Raises Invalid for anything else, another media type too, as the specification wants."""
    try:
        body = await read_json(request)
    except OtherForm as error:
        raise Invalid([Fault("", error.words)]) from None
    if not isinstance(body, dict):
        raise Invalid([Fault("", _OBJECT)])
    return body


def _several(body: Mapping[str, Any]) -> list[Any]:
    items = body.get("evaluations", [])
    if not isinstance(items, list) or len(items) > MOST:
        raise Invalid([Fault("/evaluations", _LIST)])
    if items and (faults := [fault for fault in _faults(body) if fault.words is not _MISSING]):
        raise Invalid(faults)  # a default that is there has the right form, or nothing can be said of the whole
    return items


def _semantic(body: Mapping[str, Any]) -> bool | None:
    options = body.get("options", {})
    if not isinstance(options, dict):
        raise Invalid([Fault("/options", _OBJECT)])
    wanted = options.get("evaluations_semantic", "execute_all")
    if not isinstance(wanted, str) or wanted not in STOPS:
        raise Invalid([Fault("/options/evaluations_semantic", _SEMANTIC)])
    return STOPS[wanted]


def _single(body: Mapping[str, Any]) -> Asked:
    """Raises Invalid with every fault."""
    if faults := _faults(body):
        raise Invalid(faults)
    parts = {name: body[name].get("properties", {}) for name in ("subject", "resource")}
    context = body.get("context", {})
    return Asked(
        body["subject"]["type"], body["action"]["name"], body["resource"]["type"], {**parts, "context": context}
    )


def _one_of_several(agreement: AgreementInForce, defaults: Mapping[str, Any], item: Any) -> dict[str, Any]:
    """The decision of one; what is wrong with it is a no."""
    try:
        if not isinstance(item, dict):
            raise Invalid([Fault("", _OBJECT)])
        return _said(evaluate(agreement, _single(_merged(defaults, item))))
    except Invalid as error:
        where = [fault.pointer or "/" for fault in error.faults]
        wrong = {"status": 400, "message": f"not a whole evaluation: {', '.join(where)}"}
        return {"decision": False, "context": {"scope": SCOPE, "reason": "bad-evaluation", "error": wrong}}


def _merged(defaults: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """The item, whose entities replace the defaults whole; what an entity must have comes from the default when it lacks it."""
    merged = {name: defaults[name] for name in (*PARTS, "context") if name in defaults}
    for name in (*PARTS, "context"):
        if name not in item:
            continue
        mine, theirs = item[name], defaults.get(name)
        if name in PARTS and isinstance(mine, dict) and isinstance(theirs, dict):
            mine = {**{key: theirs[key] for key in PARTS[name] if key in theirs}, **mine}
        merged[name] = mine
    return merged


def _faults(body: Mapping[str, Any]) -> list[Fault]:
    """Everything in which this is not a whole evaluation."""
    faults = []
    for name, keys in PARTS.items():
        entity = body.get(name)
        if not isinstance(entity, dict):
            faults.append(Fault(f"/{name}", _OBJECT if name in body else _MISSING))
            continue
        wrong = [key for key in keys if not isinstance(entity.get(key), str)]
        faults += [Fault(f"/{name}/{key}", _TEXT if key in entity else _MISSING) for key in wrong]
        if not isinstance(entity.get("properties", {}), dict):
            faults.append(Fault(f"/{name}/properties", _OBJECT))
    if not isinstance(body.get("context", {}), dict):
        faults.append(Fault("/context", _OBJECT))
    return faults


def _said(one: Evaluation) -> dict[str, Any]:
    context: dict[str, Any] = {"scope": SCOPE, "reason": one.reason.value, "policyDigest": one.policy_digest}
    if one.rules:
        context["rules"] = list(one.rules)
    if one.missing:
        context["missing"] = list(one.missing)
    return {"decision": one.decision, "context": context}


def _answer(body: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(body), 200, NO_STORE, "application/json")


SCOPE = "policy only"
"""In every answer: it is the agreement's word alone, and opens nothing."""
_MISSING = Words("Dit veld ontbreekt.", "This field is missing.")
_OBJECT = Words("Dit moet een object zijn.", "This must be an object.")
_TEXT = Words("Dit moet tekst zijn.", "This must be text.")
_LIST = Words(f"Dit is een lijst van hoogstens {MOST}.", f"This is a list of {MOST} at most.")
_SEMANTIC = Words(
    "Kies execute_all, deny_on_first_deny of permit_on_first_permit.",
    "Choose execute_all, deny_on_first_deny or permit_on_first_permit.",
)
