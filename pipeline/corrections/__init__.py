"""The corrections workbook: the rows of the invoices that did not go, to be repaired and run again."""
