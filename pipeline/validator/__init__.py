"""Checks documents: schemas, then rules, then the originals of credit notes."""
