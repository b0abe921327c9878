"""What became of accepted invoices."""
