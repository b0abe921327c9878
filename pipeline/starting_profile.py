"""Writes a starting profile for an export: what was understood of it, with comments, ready to be changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.findings import Place, refuse
from pipeline.language import translate
from pipeline.report.files import whole
from pipeline.subject import INVOICES
from pipeline.template import meaning

if TYPE_CHECKING:
    from pipeline.columns import Layout


def write_profile(path: Path, layouts: Sequence[Layout]) -> None:
    """Write the profile, whole or not at all; used as it is, it changes nothing.

    Raises:
        Refusal: `profile-exists`.
        OSError: it cannot be written.
    """
    if path.exists():
        raise refuse("profile-exists", Place(file=str(path)))
    with whole(path) as temporary:
        temporary.write_text("\n".join(_lines(layouts)) + "\n", encoding="utf-8")


def _lines(layouts: Sequence[Layout]) -> Iterator[str]:
    names = ", ".join(dict.fromkeys(each.table.file for each in layouts))
    yield from _comment(translate("A profile for exports such as {names} (docs/profiles.md).", names=names))
    yield from _comment(translate("It says what was found, so it changes nothing until you change it."))
    yield ""
    yield "[reading]"
    first = layouts[0]
    if first.table.sheet:
        yield f"sheet = {_text(first.table.sheet)}"
    yield f"# header_row = {first.header_row}"
    yield ""
    yield "[columns]"
    yield from _comment(translate('Header = field (docs/fields.md). “""” ignores a column on purpose.'))
    told: set[str] = set()
    for layout in layouts:
        for at, header in layout.headers.items():
            if header not in told:
                told.add(header)
                yield from _column(layout, at, header)
    yield ""
    yield "[defaults]"
    yield from _comment(
        translate("Where the file has no column or a cell is blank. Remove the # where it is right.")
    )
    yield '# customertype = "1"'
    yield '# paydate = "billdate + 14 days"'
    yield ""
    yield "[conventions]"
    yield from _comment(
        translate("Which sign 1.234 and 1,234 are read by, where the file itself does not tell.")
    )
    yield '# decimal = ","'
    yield '# date = "dmy"'


def _column(layout: Layout, at: int, header: str) -> Iterator[str]:
    path = layout.fields.get(at)
    if path is not None:
        spec = INVOICES.fields[INVOICES.generic(path)]
        yield f"{_text(header)} = {_text(path)}  # {meaning(spec)}"
        return
    closest = ", ".join(layout.ignored.get(at, ()))
    hint = translate("closest: {names}", names=closest) if closest else translate("not known")
    yield f'{_text(header)} = ""  # {hint}'


def _comment(text: str) -> Iterator[str]:
    yield from (f"# {line}" for line in text.splitlines())


def _text(text: str) -> str:
    """As a TOML basic string: JSON's escapes are TOML's too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
