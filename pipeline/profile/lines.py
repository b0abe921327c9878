"""Finds the line of a TOML file on which something is declared; `tomllib` itself does not tell."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

Steps = Sequence[str | int]
"""The keys and positions that lead to a value, as in `("leave_out", 0, "when")`."""


def line_of(text: str, path: Steps) -> int | None:
    """The line on which the value at `path` begins, or else the innermost part of its path that is there.

    It is the first line after which what stands above it, and the value, is TOML and holds the path.

    Args:
        text: a whole TOML file that can be read.
        path: where the value lies.
    """
    lines = text.replace("\r\n", "\n").split("\n")  # as TOML has it: no other sign ends a line
    for length in range(len(path), 0, -1):
        whole = 0  # so many lines from the top are TOML by themselves
        for number in range(1, len(lines) + 1):
            try:
                declared = tomllib.loads("\n".join(lines[:number]))
            except tomllib.TOMLDecodeError:
                continue  # in the middle of a value of several lines
            if _holds(declared, path[:length]):
                return whole + 1
            whole = number
    return None


def shown(path: Steps) -> str:
    """A path as people read it: `columns.“Alv-%”`; which of several tables it is the line tells."""
    keys = [part for part in path if isinstance(part, str)]
    return ".".join(key if key.replace("_", "").isalnum() and key.isascii() else f"“{key}”" for key in keys)


def _holds(part: Any, path: Steps) -> bool:
    for key in path:
        if isinstance(part, dict):
            if key not in part:
                return False
            part = part[key]
        elif isinstance(part, list) and isinstance(key, int) and key < len(part):
            part = part[key]
        else:
            return False
    return True
