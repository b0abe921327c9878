"""The ledger: what was ever intended, sent and answered. Nothing goes twice, nothing is lost."""

from pipeline.ledger.history import history, purge
from pipeline.ledger.ledger import AnotherRunAtWork, Hold, Ledger, open_ledger
from pipeline.ledger.plan import Planned
from pipeline.ledger.recording import Unrecordable
from pipeline.ledger.run import Run

__all__ = [
    "AnotherRunAtWork",
    "Hold",
    "Ledger",
    "Planned",
    "Run",
    "Unrecordable",
    "history",
    "open_ledger",
    "purge",
]
