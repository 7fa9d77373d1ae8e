"""What a token is bound to, and whether what is shown beside it is that: a proof by a key, a certificate, or both.

1. At most one proof and one certificate are shown, and each holds by itself.
2. A token that is bound to a key counts only as `DPoP`, with a proof by exactly that key for exactly this request and token.
3. A token that is bound to no key counts only as `Bearer`.
4. A token that is bound to a certificate counts only together with exactly that one.
5. A proof counts once, at whichever broker: what makes nonces of ours unnecessary.
"""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime

from broker.domain.proofs import CertificateFault, CertificateRefused, Proof, ProofCheck, ProofFault, ProofRefused
from broker.domain.stores import UnitOfWork
from broker.domain.tokens import Binding, Shown
from broker.services.house import House

KEPT = 180
"""Seconds after it was made that a proof is remembered: longer than it counts at any broker, also one whose clock is behind."""


class Bindings:
    """Checks what is shown. `thumbprint` reads a certificate as a proxy hands it on, and raises ValueError."""

    def __init__(self, house: House, proofs: ProofCheck, thumbprint: Callable[[str], str]) -> None:
        self._house = house
        self._proofs = proofs
        self._thumbprint = thumbprint

    def of(self, shown: Shown, now: datetime) -> tuple[Binding, Proof | None]:
        """What a token that is asked for is to be bound to, and the proof of that. Raises ProofRefused or CertificateRefused."""
        proof = self._proof(shown, now) if shown.proofs else None
        return Binding(proof.key if proof else "", self._certificate(shown)), proof

    async def check(self, bound: Binding, shown: Shown, now: datetime) -> None:
        """Refuse a token without what it is bound to. Raises ProofRefused or CertificateRefused; a proof is used up."""
        if bound.key and shown.scheme != "dpop":  # 2
            raise ProofRefused(ProofFault.SCHEME)
        if not bound.key and shown.scheme != "bearer":  # 3
            raise ProofRefused(ProofFault.UNBOUND)
        if bound.certificate and not hmac.compare_digest(bound.certificate, self._certificate(shown, needed=True)):  # 4
            raise CertificateRefused(CertificateFault.OTHER)
        if not bound.key:
            return
        if not shown.proofs:
            raise ProofRefused(ProofFault.MISSING)
        proof = self._proof(shown, now)
        if not hmac.compare_digest(bound.key, proof.key):  # 2
            raise ProofRefused(ProofFault.OTHER_KEY)
        async with self._house.storage() as work:
            if not await self.take(work, proof):
                raise ProofRefused(ProofFault.REPLAYED)
            await work.commit()

    async def take(self, work: UnitOfWork, proof: Proof) -> bool:  # 5
        """Use a proof up; False when it was before. The caller commits."""
        return await work.guards.once(f"dpop:{proof.key}:{proof.id}", datetime.fromtimestamp(proof.issued + KEPT, UTC))

    def _proof(self, shown: Shown, now: datetime) -> Proof:
        if len(shown.proofs) != 1:  # 1
            raise ProofRefused(ProofFault.TWICE)
        return self._proofs(shown.proofs[0], shown.method, shown.url, int(now.timestamp()), shown.token)

    def _certificate(self, shown: Shown, *, needed: bool = False) -> str:
        """The thumbprint of the certificate that is shown, empty for none. Raises CertificateRefused."""
        if not shown.certificates and not needed:
            return ""
        if not shown.certificates:
            raise CertificateRefused(CertificateFault.MISSING)
        try:
            (certificate,) = shown.certificates  # 1
            return self._thumbprint(certificate)
        except ValueError:
            raise CertificateRefused(CertificateFault.NOT_READABLE) from None
