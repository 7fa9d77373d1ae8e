"""What the kinds of log entries and the reasons of refusals are called on an officer's pages and in their files."""

from broker.domain.decisions import TOLD, Told
from broker.domain.events import EventType
from broker.errors import Words

LABELS = {
    EventType.HANDOVER_PUSHED: Words("Overdracht ontvangen", "Handover received"),
    EventType.HANDOVER_CORRECTED: Words("Overdracht gecorrigeerd", "Handover corrected"),
    EventType.HANDOVER_WITHDRAWN: Words("Overdracht ingetrokken", "Handover withdrawn"),
    EventType.HANDOVER_ERASED: Words("Overdracht gewist", "Handover erased"),
    EventType.URGENT_ESCALATED: Words("Overdracht met spoed: gewaarschuwd", "Urgent handover: escalated"),
    EventType.PERSON_ERASED: Words("Persoon gewist", "Person erased"),
    EventType.PLAN_WRITTEN: Words("Plan door het gezin geschreven", "Plan written by the family"),
    EventType.PLAN_CHANGED: Words("Plan door het gezin veranderd", "Plan changed by the family"),
    EventType.PLAN_WITHDRAWN: Words("Plan door het gezin ingetrokken", "Plan withdrawn by the family"),
    EventType.INVITATION_MADE: Words("Uitnodiging gemaakt", "Invitation made"),
    EventType.CONSENT_GIVEN: Words("Ja gezegd", "Consent given"),
    EventType.CONSENT_REFUSED: Words("Nee gezegd", "Consent refused"),
    EventType.CONSENT_COMPLETE: Words("Iedereen zei ja", "Everybody said yes"),
    EventType.CONSENT_WITHDRAWN: Words("Gestopt", "Consent withdrawn"),
    EventType.RELEASE_PERMITTED: Words("Verstrekt", "Disclosed"),
    EventType.RELEASE_DENIED: Words("Geweigerd", "Refused"),
    EventType.RELEASE_SHOWN: Words("Eigen tekst gelezen", "Own text read"),
    EventType.RELEASE_ACKNOWLEDGED: Words("Ontvangst bevestigd", "Acknowledged"),
    EventType.REACTION_WRITTEN: Words("Reactie van het gezin", "Reaction by the family"),
    EventType.REACTION_READ: Words("Reacties gelezen door de afzender", "Reactions read by the sender"),
    EventType.REACTION_ANSWERED: Words("Verzoek van het gezin beantwoord", "Request of the family answered"),
    EventType.SIGN_OFF_SAID: Words("Gezegd: eens of anders gezien", "Said: agreed, or seen differently"),
    EventType.SIGN_OFF_READ: Words("Afzender las wie het eens is", "Sender read who agrees"),
    EventType.TASK_CHANGED: Words("Afspraak: hoe ver het is", "Agreement: how far it is"),
    EventType.WATCH_ANSWERED: Words("Gezin zei hoe het gaat", "Family said how it goes"),
    EventType.MESSAGES_CHANGED: Words("Berichten aan of uit gezet", "Messages turned on or off"),
    EventType.PASSKEY_ENROLLED: Words("Telefoon van een gezinslid toegevoegd", "Device of a family member added"),
    EventType.PASSKEY_STOPPED: Words("Telefoon van een gezinslid weggehaald", "Device of a family member removed"),
    EventType.SUBJECT_SEARCHED: Words("Gezocht op persoon", "Searched for a person"),
    EventType.POLICY_PROPOSED: Words("Afspraken voorgesteld", "Agreement proposed"),
    EventType.POLICY_APPROVED: Words("Afspraken goedgekeurd", "Agreement approved"),
    EventType.POLICY_ACTIVATED: Words("Afspraken in werking", "Agreement in force"),
    EventType.KEYS_CHANGED: Words("Sleutels veranderd", "Keys changed"),
    EventType.ORGANISATION_CHANGED: Words("Organisatie veranderd", "Organisation changed"),
    EventType.OFFICER_INVITED: Words("Privacy officer uitgenodigd", "Officer invited"),
    EventType.OFFICER_ENROLLED: Words("Privacy officer toegelaten", "Officer enrolled"),
    EventType.OFFICER_WITHDRAWN: Words("Privacy officer gestopt", "Officer withdrawn"),
    EventType.OFFICER_SIGNED_IN: Words("Privacy officer aangemeld", "Officer signed in"),
    EventType.OFFICER_PASSKEY_REMOVED: Words("Passkey van een privacy officer weggehaald", "Officer's passkey removed"),
    EventType.MOTION_PROPOSED: Words("Besluit voor twee officers voorgesteld", "Decision for two officers proposed"),
    EventType.MOTION_SECONDED: Words("Besluit door tweede officer bevestigd", "Decision seconded by another officer"),
    EventType.MATTER_RAISED: Words("Twijfel gemeld", "Doubt raised"),
    EventType.MATTER_SETTLED: Words("Twijfel afgehandeld", "Doubt settled"),
    EventType.REVIEW_SIGNED_OFF: Words("Beoordeling afgetekend", "Review signed off"),
    EventType.LOG_SEARCHED: Words("Logboek doorzocht", "Log searched"),
    EventType.LOG_VIEWED: Words("Logregel bekeken", "Log entry viewed"),
    EventType.LOG_CHECKED: Words("Logboek gecontroleerd", "Log checked"),
    EventType.LOG_RESTORED: Words("Oudere kopie van de database teruggezet", "Older copy of the database put back"),
    EventType.LOG_EXPORTED: Words("Logboek uitgevoerd naar een bestand", "Log exported to a file"),
}
REASONS = {
    "unknown-handover": Words("Er is geen overdracht met dit nummer.", "There is no handover with this id."),
    "not-a-recipient": Words(
        "De overdracht is niet aan deze rol gericht.", "The handover is not addressed to this role."
    ),
}
WHY = {
    **{told: words for told, (words, _) in TOLD.items()},
    Told.NOT_AGREED: Words(
        "De afspraken tussen de organisaties geven dit onderdeel niet aan deze rol voor dit doel.",
        "The agreement between the organisations does not give this section to this role for this purpose.",
    ),
    Told.SEALED_ONLY: Words(
        "Dit soort onderdeel gaat alleen verzegeld weg, en de ontvanger heeft nog geen sleutel om het te openen.",
        "This type of section only leaves sealed, and the recipient has no key yet to open it with.",
    ),
    Told.EXPIRED: Words(
        "De dag tot wanneer de afzender dit onderdeel liet gelden, was voorbij.",
        "The day until which its sender let this section hold had passed.",
    ),
    Told.OTHER_PURPOSE: Words(
        "De overdracht is voor een ander doel gedeeld dan waarvoor erom is gevraagd.",
        "The handover was shared for another purpose than the one it was asked for.",
    ),
}
"""The reasons as an officer reads them; those of the recipient say "your role"."""
