"""Nights that nobody watches: exports are taken from a folder, run, put away, and people are told.

No second way of doing anything: each export goes through `flow.run`, as from the command line.
"""
