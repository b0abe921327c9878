"""A small Ropo One of our own, on this machine only: the same rules by its own code, faults on demand."""
