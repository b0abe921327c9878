"""Where the data files and schemas lie: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


@cache
def schemas_folder() -> Path:
    """The folder of the JSON Schemas: `pipeline/schemas` in a wheel, `schemas` in a checkout."""
    installed = PACKAGE / "schemas"
    return installed if installed.is_dir() else PACKAGE.parent / "schemas"


def data_text(name: str) -> str:
    """The text of a file in `pipeline/data`."""
    return (PACKAGE / "data" / name).read_text(encoding="utf-8")
