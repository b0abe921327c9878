"""Pages and catalogues that are made from the code, and checked against it."""
