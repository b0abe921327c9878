"""Sends what the ledger has planned, and finds out what became of it."""
