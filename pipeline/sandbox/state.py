"""What the sandbox has accepted, in a SQLite file: it survives restarts and a killed process.

A test reads the same file as its oracle: `SandboxState(path).accepted()` is what the service has,
whatever the sender believes.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipeline.sandbox.sums import Sums, add_up

_FIRST_JOBID = 1_000_001  # unlike any index or count, so that a mix-up shows

_TABLES = """
CREATE TABLE IF NOT EXISTS token (token TEXT PRIMARY KEY, cid TEXT NOT NULL, expires REAL NOT NULL);
CREATE TABLE IF NOT EXISTS job (
    jobid INTEGER PRIMARY KEY, cid TEXT NOT NULL, kind TEXT NOT NULL, jobtype TEXT NOT NULL,
    billnum TEXT, billcode TEXT, custnum TEXT, govid TEXT,
    net TEXT NOT NULL, vat TEXT NOT NULL, total TEXT NOT NULL,
    refund_to INTEGER REFERENCES job (jobid),
    data_identifier TEXT, received REAL NOT NULL, dataset TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS job_billnum ON job (cid, billnum);
CREATE INDEX IF NOT EXISTS job_billcode ON job (cid, billcode);
CREATE INDEX IF NOT EXISTS job_refund ON job (refund_to) WHERE refund_to IS NOT NULL;
CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY, cid TEXT NOT NULL, kind TEXT NOT NULL,
    jobid INTEGER NOT NULL REFERENCES job (jobid),
    amount TEXT NOT NULL, received REAL NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS entry_job ON entry (jobid);
CREATE TABLE IF NOT EXISTS change (
    id INTEGER PRIMARY KEY, cid TEXT NOT NULL, jobid INTEGER NOT NULL REFERENCES job (jobid),
    status TEXT NOT NULL, at REAL NOT NULL, read INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS change_job ON change (jobid);
CREATE INDEX IF NOT EXISTS change_unread ON change (cid, id) WHERE read = 0;
"""


class SandboxState:
    """The sandbox's records. Any number of processes may have the same file open.

    Args:
        path: the SQLite file; made if missing, readable by its owner only, since it holds what was sent.

    Raises:
        sqlite3.DatabaseError: the file is something else.
    """

    def __init__(self, path: Path) -> None:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        # isolation_level None: transactions begin and end where `transaction` says. The server may close
        # from another thread than it opened in, never use two at once.
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing; a power cut may
            self._db.executescript(_TABLES)
        except sqlite3.Error:
            self._db.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything within is kept, or by an exception nothing; kept means written when the block ends."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # --- tokens

    def add_token(self, token: str, cid: str, expires: float) -> None:
        """Remember a token of the customer `cid`; `expires` in seconds since 1970."""
        self._db.execute("INSERT INTO token VALUES (?, ?, ?)", (token, cid, expires))

    def cid_of(self, token: str, now: float) -> str | None:
        """The customer whose unexpired token this is."""
        row = self._db.execute(
            "SELECT cid FROM token WHERE token = ? AND expires > ?", (token, now)
        ).fetchone()
        return str(row["cid"]) if row else None

    def forget_token(self, token: str) -> None:
        """Make the token expire now."""
        self._db.execute("DELETE FROM token WHERE token = ?", (token,))

    # --- what comes in; within `transaction`

    def next_jobid(self) -> int:
        """The number that the next job gets."""
        (last,) = self._db.execute("SELECT max(jobid) FROM job").fetchone()
        return last + 1 if last else _FIRST_JOBID

    def add_job(
        self,
        jobid: int,
        cid: str,
        kind: str,
        dataset: dict[str, Any],
        *,
        billcode: str | None,
        sums: Sums,
        refund_to: int | None,
        data_identifier: str | None,
        now: float,
    ) -> None:
        """Record an accepted job and its first status change; `billcode` is the reference it got."""
        person = [dataset.get(tag) for tag in ("custnum", "govid")]
        money = [str(value) for value in sums]
        first = (jobid, cid, kind, dataset["jobtype"], dataset.get("billnum"), billcode)
        text = json.dumps(dataset, ensure_ascii=False, default=float)  # Decimals: accountrow's JSON numbers
        self._db.execute(
            "INSERT INTO job VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*first, *person, *money, refund_to, data_identifier, now, text),
        )
        self.add_change(cid, jobid, "received", now)

    def add_entry(
        self, cid: str, kind: str, jobid: int, amount: Decimal, body: dict[str, Any], now: float
    ) -> None:
        """Record an `allocation` of a credit note or a `payment` for a job."""
        text = json.dumps(body, ensure_ascii=False, default=float)
        self._db.execute(
            "INSERT INTO entry (cid, kind, jobid, amount, received, body) VALUES (?, ?, ?, ?, ?, ?)",
            (cid, kind, jobid, str(amount), now, text),
        )

    def add_change(self, cid: str, jobid: int, status: str, now: float) -> None:
        """Record that a job has a new status."""
        self._db.execute(
            "INSERT INTO change (cid, jobid, status, at) VALUES (?, ?, ?, ?)", (cid, jobid, status, now)
        )

    # --- looking up

    def find(
        self,
        cid: str,
        kinds: Sequence[str] = ("invoice", "reminder", "collection"),
        *,
        billcode: str | None = None,
        jobid: int | None = None,
        billnum: str | None = None,
    ) -> sqlite3.Row | None:
        """The customer's latest job by the first key that leads to one, in the API's order of search."""
        for key, value in (("billcode", billcode), ("jobid", jobid), ("billnum", billnum)):
            if value is None:
                continue
            found: list[sqlite3.Row] = self._db.execute(
                f"SELECT * FROM job WHERE cid = ? AND {key} = ? ORDER BY jobid DESC",  # noqa: S608 - no user text
                (cid, value),
            ).fetchall()
            for row in found:
                if row["kind"] in kinds:
                    return row
        return None

    def of_customer(self, cid: str, key: str, value: str) -> list[sqlite3.Row]:
        """The jobs of an end customer by `custnum` or `govid`, oldest first."""
        column = {"custnum": "custnum", "govid": "govid"}[key]
        return self._db.execute(
            f"SELECT * FROM job WHERE cid = ? AND {column} = ? ORDER BY jobid",  # noqa: S608 - one of two names
            (cid, value),
        ).fetchall()

    def dataset(self, jobid: int) -> dict[str, Any]:
        """What was sent as this job."""
        (text,) = self._db.execute("SELECT dataset FROM job WHERE jobid = ?", (jobid,)).fetchone()
        return json.loads(text)  # type: ignore[no-any-return]  # add_job wrote an object

    def credited(self, jobid: int) -> Decimal:
        """How much of an invoice its credit notes and allocations have taken, as a positive sum."""
        notes = self._db.execute("SELECT total FROM job WHERE refund_to = ?", (jobid,))
        return self._entries(jobid, "allocation") - add_up(Decimal(row["total"]) for row in notes)

    def open_amount(self, jobid: int) -> Decimal:
        """What is left to pay of a job."""
        (total,) = self._db.execute("SELECT total FROM job WHERE jobid = ?", (jobid,)).fetchone()
        return Decimal(total) - self.credited(jobid) - self._entries(jobid, "payment")

    def _entries(self, jobid: int, kind: str) -> Decimal:
        rows = self._db.execute("SELECT amount FROM entry WHERE jobid = ? AND kind = ?", (jobid, kind))
        return add_up(Decimal(row["amount"]) for row in rows)

    def status(self, jobid: int) -> sqlite3.Row:
        """The latest status change of a job."""
        row: sqlite3.Row = self._db.execute(
            "SELECT * FROM change WHERE jobid = ? ORDER BY id DESC LIMIT 1", (jobid,)
        ).fetchone()
        return row

    def changes(
        self,
        cid: str,
        *,
        until: float,
        billnum: str | None = None,
        date: str | None = None,
        limit: int = 1000,
    ) -> list[sqlite3.Row]:
        """Status changes, oldest first: of a bill number, of a date, or else those not yet read.

        `until` (seconds since 1970) leaves out newer ones; dates are UTC.
        """
        condition, value = "change.read = 0", []
        if billnum is not None:
            condition, value = "job.billnum = ?", [billnum]
        elif date is not None:
            condition, value = "date(change.at, 'unixepoch') = ?", [date]
        return self._db.execute(
            "SELECT change.id, change.jobid, change.status, change.at, job.billnum, job.billcode"  # noqa: S608 - from above
            f" FROM change JOIN job USING (jobid) WHERE change.cid = ? AND change.at <= ? AND {condition}"
            " ORDER BY change.id LIMIT ?",
            (cid, until, *value, limit),
        ).fetchall()

    def mark_read(self, ids: Sequence[int]) -> None:
        """These status changes have been read; the bare look-up gives them no more."""
        self._db.executemany("UPDATE change SET read = 1 WHERE id = ?", [(each,) for each in ids])

    # --- the oracle

    def accepted(self) -> list[dict[str, Any]]:
        """Everything accepted, in order of arrival.

        Returns:
            For each job, allocation and payment `jobid`, `billnum`, `jobtype`, `kind` (invoice, reminder,
            collection, allocation, payment), `dataset` (as it was received), `received` (ISO 8601, UTC),
            `cid`, `data_identifier`, `net`, `vat`, `total` (of an allocation or payment only `total`).
        """
        rows = self._db.execute(
            "SELECT jobid, billnum, jobtype, kind, dataset, received, cid, data_identifier, net, vat, total"
            " FROM job UNION ALL"
            " SELECT entry.jobid, job.billnum, NULL, entry.kind, body, entry.received, entry.cid, NULL,"
            " NULL, NULL, amount FROM entry JOIN job USING (jobid) ORDER BY received, jobid"
        )
        return [
            dict(row)
            | {
                "dataset": json.loads(row["dataset"]),
                "received": datetime.fromtimestamp(row["received"], UTC).isoformat(),
            }
            for row in rows
        ]

    def by_billnum(self, kind: str = "invoice") -> Counter[str | None]:
        """How often each bill number was accepted, above 1 a double send; None counts those without one."""
        rows = self._db.execute("SELECT billnum, count(*) FROM job WHERE kind = ? GROUP BY billnum", (kind,))
        return Counter(dict(rows.fetchall()))

    def sums(self, kind: str = "invoice") -> Sums:
        """What the accepted jobs of the kind come to."""
        rows = self._db.execute("SELECT net, vat, total FROM job WHERE kind = ?", (kind,)).fetchall()
        return Sums(*(add_up(Decimal(row[column]) for row in rows) for column in Sums._fields))
