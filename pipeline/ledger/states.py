"""The states of a document and the only changes between them; the database enforces the same table."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a document stands between us and the service.

    `sending` is committed before the first byte leaves. `refused` means that it is for certain not
    with the service, `unknown` that it may be.
    """

    PLANNED = "planned"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


TRANSITIONS: frozenset[tuple[State, State]] = frozenset(
    {
        (State.PLANNED, State.PLANNED),  # planned anew by a later run
        (State.PLANNED, State.SENDING),
        (State.SENDING, State.ACCEPTED),
        (State.SENDING, State.REFUSED),
        (State.SENDING, State.UNKNOWN),
        (State.REFUSED, State.PLANNED),  # a refusal is definite: it may go again, changed or not
        (State.UNKNOWN, State.ACCEPTED),  # reconcile or resolve
        (State.UNKNOWN, State.REFUSED),  # resolve
        (State.UNKNOWN, State.PLANNED),  # reconcile, after the grace period and under checkbillnum
    }
)
"""Accepted is final: what the service has cannot be recalled (`seeds/credit-note-allocation.txt`)."""
