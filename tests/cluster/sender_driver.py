"""The command line in a hurry: short leases, pauses and stretches: what takes minutes takes seconds here."""

from __future__ import annotations

import sys

from pipeline.__main__ import main
from pipeline.ledger import claims
from pipeline.readers import encoding
from pipeline.rows import gather
from pipeline.sender import send as sender
from pipeline.sender import service
from pipeline.workers import cluster

if __name__ == "__main__":
    claims.LEASE, claims.LEAST = 6.0, 4.0
    sender.send.__kwdefaults__["pauses"] = (0.05,) * 5
    service.Service.__init__.__kwdefaults__["timeout"] = (2.0, 2.0)
    cluster.STRETCH, encoding.PIECE, gather.BYTES_A_PART = 20_000, 5_000, 30_000  # work for every worker
    sys.argv[0] = "ropo-pipeline"
    main()
