"""What one family and its papers look like on a page, with names that try to be markup."""

import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from broker.domain.notices import NoticeTemplate, compose
from broker.domain.tasks import Status as TaskStatus
from broker.errors import Words
from broker.services.own_tasks import ChangeLine, TaskScreen
from broker.services.questionnaires import AskedRecipient
from broker.services.screens import (
    ContactChoice,
    OthersSignOff,
    OwnSignOff,
)

CODE = "K7QD-9MFX-2TRA"
MINE_CODE = "M4WB-7HNC-8PZE"
ONE_TIME = "482913"
TOKEN = "family-token"
OFFICER_TOKEN = "officer-token"
CSRF = "secret-of-this-visit"
SENDER = "Stichting Timon"
UNTIL = date(2027, 9, 20)
OPTIONS_TO_CREATE = (
    '{"rp":{"name":"Rondom","id":"localhost"},"user":{"id":"bzE","name":"officer","displayName":"Officer 1"},'
    '"challenge":"AAECAwQFBgcICQoLDA0ODw","pubKeyCredParams":[{"type":"public-key","alg":-7},{"type":"public-key","alg":-257}],'
    '"timeout":60000,"excludeCredentials":[],"authenticatorSelection":{"residentKey":"required",'
    '"userVerification":"required"},"attestation":"none"}'
)
OPTIONS_TO_GET = (
    '{"challenge":"AAECAwQFBgcICQoLDA0ODw","timeout":60000,"rpId":"localhost","allowCredentials":[],'
    '"userVerification":"required"}'
)
NOW = datetime(2026, 9, 21, 12, 5, 9, tzinfo=UTC)

DIGEST = "3f9a21bc" * 8

BEFORE = OwnSignOff(agrees=False, text="Het begon later.", version=1, at=NOW)
OTHERS = (
    OthersSignOff(Words("De Hoop GGZ (psycholoog)", "De Hoop GGZ (psychologist)"), agrees=True, at=NOW),
    OthersSignOff(
        Words("Wijkteam Dordrecht (gezinswerker)", "Wijkteam Dordrecht (family worker)"), agrees=False, at=NOW
    ),
)
LABELS = {
    "timeline": Words("Tijdlijn", "Timeline"),
    "roles-and-tasks": Words("Wie doet wat", "Who does what"),
    "safety-plan": Words("Veiligheidsplan", "Safety plan"),
    "parent-health": Words("Gezondheid van een ouder", "A parent's health"),
}
RECIPIENTS = (
    Words("psycholoog bij De Hoop GGZ", "psychologist at De Hoop GGZ"),
    Words("systeemtherapeut bij De Hoop GGZ", "system therapist at De Hoop GGZ"),
    Words("gezinswerker bij Wijkteam Dordrecht", "family worker at Wijkteam Dordrecht"),
)
ASKED = (
    AskedRecipient("00000099000000120000/psychologist", "De Hoop GGZ", Words("psycholoog", "psychologist")),
    AskedRecipient(
        "00000099000000120000/system-therapist", "De Hoop GGZ", Words("systeemtherapeut", "system therapist")
    ),
    AskedRecipient("00000099000000130000/family-worker", "Wijkteam Dordrecht", Words("gezinswerker", "family worker")),
)
PURPOSE = Words("Samen afspreken wie wat doet", "Agree together on who does what")
WHOLE = Words("Samen afspreken: alles wat hier staat", "Agree together: everything that is written here")
EXPLAIN = {
    "timeline": Words(
        "Hierin staat wat er is gebeurd en welke hulp er was, met data.",
        "This says what happened and what help there was, with dates.",
    ),
    "roles-and-tasks": Words(
        "Hierin staat wie er helpt en wat ieder doet.", "This says who helps and what each of them does."
    ),
    "safety-plan": Words(
        "Hierin staat wat iedereen doet als het thuis niet veilig is, en wie je belt.",
        "This says what everybody does when it is not safe at home, and whom to call.",
    ),
    "parent-health": Words("Hierin staat hoe het met de ouder gaat.", "This says how the parent is doing."),
}
RECIPIENTS_TEXT = Words(
    "De Hoop GGZ (psycholoog en systeemtherapeut) en Wijkteam Dordrecht (gezinswerker)",
    "De Hoop GGZ (psychologist and system therapist) and Wijkteam Dordrecht (family worker)",
)
NOTICES = Path(__file__).parents[3] / "policies" / "notices"
ALONE = ("g1a", "g1b", "g1c")
CONTACTS = (
    ContactChoice("c1", "sms", "06 ** ** ** 11"),
    ContactChoice("c2", "email", "m***@***.example"),
)


def notice(section_type: str, language: str, person: str) -> Mapping[str, str]:
    """The text of one question, from the agreement's own template."""
    texts = tomllib.loads((NOTICES / f"{language}.toml").read_text("utf-8"))
    template = NoticeTemplate(texts["version"], language, texts["parts"])
    values = {
        "sender": SENDER,
        "supported": "",
        "recipients": RECIPIENTS_TEXT.in_language(language),
        "section": LABELS[section_type].in_language(language),
        "explanation": EXPLAIN[section_type].in_language(language),
        "example": "2021: verhuisd. 2023: ouders gaan uit elkaar. Maart 2025: gesprekken met het wijkteam.",
        "persons": person,
        "purpose": PURPOSE.in_language(language),
        "until": "20 september 2027" if language == "nl" else "20 September 2027",
    }
    return compose(template, [(section_type, values)]).questions[0].parts


TASKS = (
    TaskScreen(
        "task-1",
        None,
        True,
        date(2026, 9, 20),
        True,
        TaskStatus.OPEN,
        (TaskStatus.UNDER_WAY, TaskStatus.DONE, TaskStatus.DROPPED),
        (),
    ),
    TaskScreen(
        "task-2",
        Words("De Brug (intern begeleider)", "De Brug (support coordinator)"),
        False,
        date(2026, 11, 1),
        False,
        TaskStatus.DONE,
        (),
        (
            ChangeLine(TaskStatus.UNDER_WAY, NOW, None),
            ChangeLine(TaskStatus.DONE, NOW, Words("De Brug (intern begeleider)", "De Brug (support coordinator)")),
        ),
    ),
)
"""Something agreed with the person, and something that somebody else has done."""
