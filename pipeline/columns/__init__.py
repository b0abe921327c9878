"""Names the fields: how the tables of an export are understood."""
