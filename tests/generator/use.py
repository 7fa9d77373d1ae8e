"""What a developer writes with a generated client: push a handover, look at it, and ask for a release.

Usage: python use.py URL BODY, beside the client; tokens in SENDER and READER, the id of an open handover in OPEN.
"""

import json
import os
import sys
from pathlib import Path

from rondom_client import AuthenticatedClient
from rondom_client.api.directory import get_vocabulary
from rondom_client.api.handovers import get_handover, list_handovers, push_handover
from rondom_client.api.releases import acknowledge_release, ask_release
from rondom_client.models import (
    DryRunOut,
    HandoverBody,
    HandoverOut,
    HandoverPage,
    ListHandoversBox,
    Problem,
    ReleaseBody,
    ReleaseOut,
    SectionBody,
    VocabularyOut,
)

url, body = sys.argv[1:]
told = {}
whole = HandoverBody.from_dict(json.loads(Path(body).read_text()))
assert all(isinstance(section, SectionBody) for section in whole.sections), whole.sections

with AuthenticatedClient(base_url=url, token=os.environ["SENDER"]) as sender:
    words = get_vocabulary.sync(client=sender)
    assert isinstance(words, VocabularyOut)
    assert whole.kind in {term.id for term in words.handover_kinds}
    tried = push_handover.sync(client=sender, body=whole, dry_run=True)
    assert isinstance(tried, DryRunOut), tried
    told["asked"] = sorted(person.person for person in tried.asked)
    pushed = push_handover.sync(client=sender, body=whole)
    assert isinstance(pushed, HandoverOut), pushed
    told["id"] = pushed.id
    seen = get_handover.sync(pushed.id, client=sender)
    assert isinstance(seen, HandoverOut), seen
    told["until"] = seen.consent_until.isoformat()
    told["signers"] = sorted(signer.person for signer in seen.signers)
    page = list_handovers.sync(client=sender, box=ListHandoversBox.SENT)
    assert isinstance(page, HandoverPage), page
    told["sent"] = [item.id for item in page.items]
    whole.kind, whole.reference = "nonsense", "another"
    refused = push_handover.sync(client=sender, body=whole)
    assert isinstance(refused, Problem), refused
    told["faults"] = [fault.pointer for fault in refused.errors]

with AuthenticatedClient(base_url=url, token=os.environ["READER"]) as reader:
    denied = ask_release.sync(client=reader, body=ReleaseBody(handover=pushed.id, purpose="health-care"))
    assert isinstance(denied, Problem), denied
    told["denied"] = [denied.status, denied.withheld[0].reasons[0].code]
    release = ask_release.sync(client=reader, body=ReleaseBody(os.environ["OPEN"], "education-support", ["status"]))
    assert isinstance(release, ReleaseOut), release
    told["released"] = [[section.type_, section.content] for section in release.released]
    done = acknowledge_release.sync_detailed(release.id, client=reader)
    told["acknowledged"] = done.status_code

print(json.dumps(told))
