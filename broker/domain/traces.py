"""A line of the log as an OpenTelemetry span, as *Logboek Dataverwerkingen* asks: no id of a person is ever in it.

- The required `dpl.core.data_subject_id` is the salted digest that the leaf holds: another in every entry, and of use
  only to who has the opening. Names of professionals, persons, handovers and records are left out.
- OTLP in JSON, one `ExportTraceServiceRequest` a line, as the OpenTelemetry Protocol's file exporter writes it.

Source: Logius, Logboek Dataverwerkingen, "Component: Logboek"; OpenTelemetry Protocol 1.x, JSON Protobuf encoding.
"""

import calendar
import hashlib
import json
from typing import Any

from broker.domain.exports import Line

MEDIA_TYPE = "application/x-ndjson"
_UNSET = 0


def otlp_of(line: Line) -> bytes:
    """One span in a request of its own, on one line."""
    scope = {"scope": {"name": "rondom.log", "version": "1"}, "spans": [span_of(line)]}
    resource = {"attributes": [_text("service.name", "rondom"), _text("service.instance.id", line.system)]}
    request = {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}
    return json.dumps(request, separators=(",", ":")).encode() + b"\n"


def span_of(line: Line) -> dict[str, Any]:
    """The span. Its trace is the release that it belongs to, otherwise the entry; a refusal is no error (status unset)."""
    at = line.facts.at
    nanoseconds = str(calendar.timegm(at.utctimetuple()) * 10**9 + at.microsecond * 1000)
    activity = line.fact("purpose") or line.facts.type
    attributes = [_text("dpl.core.processing_activity_id", f"urn:rondom:processing-activity:{activity}")]
    if line.subject_digest:
        attributes.append(_text("dpl.core.data_subject_id", line.subject_digest))
        attributes.append(_text("dpl.core.data_subject_id_type", "urn:rondom:salted-digest"))
    return {
        "traceId": _id(line.fact("release") or line.id, 16),
        "spanId": _id(line.id, 8),
        "name": line.facts.type,
        "kind": 1,
        "startTimeUnixNano": nanoseconds,
        "endTimeUnixNano": nanoseconds,
        "attributes": attributes,
        "status": {"code": _UNSET},
    }


def _id(text: str, size: int) -> str:
    """As many bytes in hexadecimal, never all zero; the same for the same text."""
    return hashlib.sha256(text.encode()).digest()[:size].hex()


def _text(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}
