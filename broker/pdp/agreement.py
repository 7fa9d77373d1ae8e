"""One set of the agreement, ready for use: its words, its texts and its decisions, all of one digest."""

from collections.abc import Mapping

from broker.domain.channels import Channel
from broker.domain.decisions import PolicyQuestion, Ruling
from broker.domain.differences import Difference
from broker.domain.explanations import Explanation
from broker.domain.notices import NoticeTemplate
from broker.domain.overview import Overview
from broker.domain.ports import Alarm
from broker.domain.signers import SignerTable
from broker.domain.vocabulary import Vocabulary
from broker.errors import Unavailable, Words
from broker.pdp.cedar import CedarDecisionPoint, unheard
from broker.pdp.difference import compare
from broker.pdp.explain import Explainer
from broker.pdp.matrix import matrix_of
from broker.pdp.overview import overview_of
from broker.pdp.policy_set import PolicySet, load_texts
from broker.pdp.widening import widens


class LoadedAgreement:
    """See `broker.domain.ports.AgreementInForce`."""

    def __init__(self, policy_set: PolicySet, alarm: Alarm = unheard) -> None:
        self._set = policy_set
        self._point = CedarDecisionPoint(policy_set, alarm=alarm)
        self._overview: Overview | None = None
        self._explainer: Explainer | None = None

    @property
    def policy_set(self) -> PolicySet:
        """The set itself, for who compares two of them."""
        return self._set

    @property
    def digest(self) -> str:
        """SHA-256 of everything in `policies/`."""
        return self._set.digest

    @property
    def vocabulary(self) -> Vocabulary:
        """Its words."""
        return self._set.vocabulary

    @property
    def signers(self) -> SignerTable:
        """Its age table."""
        return self._set.signers

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The ways outside this broker, in the order of the file."""
        return self._set.channels

    @property
    def notices(self) -> Mapping[str, NoticeTemplate]:
        """The consent notice, by language."""
        return self._set.notices

    @property
    def texts(self) -> Mapping[str, str]:
        """Every file, by path."""
        return self._set.texts

    def decide(self, question: PolicyQuestion) -> Ruling:
        """Its answer; any error is a denial."""
        return self._point.decide(question)

    def widens(self, before: object) -> bool:
        """Whether it could give something that another one does not; yes, when that is not plain."""
        return not isinstance(before, LoadedAgreement) or widens(before.policy_set, self._set)

    def title(self, rule: str) -> Words:
        """What a rule says, for people; its id when this set does not know it."""
        known = self._set.rules.get(rule)
        return known.title if known else Words(rule, rule)

    def overview(self) -> Overview:
        """Who may read what; worked out once."""
        if self._overview is None:
            self._overview = overview_of(matrix_of(self._set))
        return self._overview

    def explain(self, question: PolicyQuestion) -> Explanation:
        """Why it answers as it does."""
        if self._explainer is None:
            self._explainer = Explainer(self._set)
        return self._explainer.explain(question)

    def compared(self, before: object) -> Difference:
        """What it gives that another one does not, and the other way round."""
        if not isinstance(before, LoadedAgreement):
            raise Unavailable
        return compare(before.policy_set, self._set)

    def another(self, texts: Mapping[str, str]) -> "LoadedAgreement":
        """The agreement of these texts."""
        return LoadedAgreement(load_texts(texts))
