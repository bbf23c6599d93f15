"""THE writer of a ledger (invariant 5)."""

from __future__ import annotations

from contextlib import ExitStack

from netmon.store import backends
from netmon.store.actions import Actions
from netmon.store.adoptions import Adoptions
from netmon.store.chain import Signing
from netmon.store.closings import Closings
from netmon.store.contests import Contests
from netmon.store.database import WritingBackend
from netmon.store.decisions import Decisions
from netmon.store.directives import Directions
from netmon.store.fibre import FibreBook
from netmon.store.migrations import bring_up_to_date
from netmon.store.ports import PortBook
from netmon.store.releases import Releases
from netmon.store.settings import LedgerSettings
from netmon.store.shares import Sharing
from netmon.store.thinning import Thinning
from netmon.store.visits import VisitLog


class Ledger(
    VisitLog,
    Decisions,
    Actions,
    FibreBook,
    Thinning,
    Closings,
    Directions,
    PortBook,
    Sharing,
    Releases,
    Contests,
    Adoptions,
):
    """What netmon knows, on disk: visits, decisions, actions and directives. Synchronous; one thread at a time.

    A method that returned has been made durable; one that raised StoreError changed nothing, and may be
    called again.
    """

    def __init__(self, backend: WritingBackend, signer: Signing | None = None) -> None:
        super().__init__(backend)
        self._signer = signer

    @classmethod
    def open(cls, settings: LedgerSettings, now_ns: int) -> Ledger:
        """Takes the exclusive lock, opens the ledger or creates it, and migrates it.

        Raises LedgerLockedError naming the writer there is, LedgerSchemaError for a newer netmon's ledger,
        StoreError for a ledger or a signing key that cannot be used, and SecretUnavailableError.
        """
        signer = signer_of(settings)
        with ExitStack() as undo:
            backend = backends.writing(settings.location, settings.busy_timeout)
            undo.callback(backend.close)
            bring_up_to_date(backend, now_ns)
            backend.claim()
            undo.pop_all()
        return cls(backend, signer)


def signer_of(settings: LedgerSettings) -> Signing | None:
    """Who signs the links; None where no key is configured. Raises StoreError and SecretUnavailableError."""
    if settings.signing_key is None:
        return None
    from netmon.store.signing import Signer

    return Signer.from_pem(settings.signing_key.reveal())
