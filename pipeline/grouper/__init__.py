"""One document for an invoice, an allocation, a payment."""
