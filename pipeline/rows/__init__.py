"""Row frames under their fields' names, and each document's rows brought together."""
