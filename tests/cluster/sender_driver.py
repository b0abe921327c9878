"""The command line in a hurry: short leases and pauses, so that what takes minutes takes seconds here."""

from __future__ import annotations

import sys

from pipeline.__main__ import main
from pipeline.ledger import claims
from pipeline.sender import send as sender
from pipeline.sender import service

if __name__ == "__main__":
    claims.LEASE, claims.LEAST = 6.0, 4.0
    sender.send.__kwdefaults__["pauses"] = (0.05,) * 5
    service.Service.__init__.__kwdefaults__["timeout"] = (2.0, 2.0)
    sys.argv[0] = "ropo-pipeline"
    main()
