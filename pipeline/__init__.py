"""Accounting exports in, Ropo One invoices out: read, checked, sent once, reported."""

__version__ = "0.1.0"
