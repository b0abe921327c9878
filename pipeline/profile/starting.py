"""Writes a starting profile for an export: what was understood of it, with comments, ready to be changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.columns.layouts import declared_name
from pipeline.findings import Place, refuse
from pipeline.language import translate
from pipeline.report.files import whole
from pipeline.subject import INVOICES
from pipeline.template import meaning

if TYPE_CHECKING:
    from pipeline.columns.layouts import Layout


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
    yield from _expects(layouts)
    yield ""
    yield "[reading]"
    first = layouts[0]
    if first.table.sheet:
        yield f"sheet = {_text(first.table.sheet)}"
    yield from _shape(first)
    yield ""
    yield "[columns]"
    yield from _comment(translate('Header = field (docs/fields.md). “""” ignores a column on purpose.'))
    told: set[str] = set()
    for layout in layouts:
        for at, header in layout.users_headers.items():
            name = declared_name(header, layout.profile)
            if name not in told:
                told.add(name)
                yield from _column(layout, at, name)
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


def _expects(layouts: Sequence[Layout]) -> Iterator[str]:
    """The whole header, so that a change of the export is noticed; not of exports that differ anyway."""
    headers = list(dict.fromkeys(layouts[0].headers.values()))
    if not layouts[0].header_row or any({*each.headers.values()} != {*headers} for each in layouts):
        return
    yield ""
    yield "[expects]"
    yield from _comment(
        translate("The whole header: if a later export lacks a column or has another, you are told.")
    )
    yield "headers = ["
    yield from (f"  {_text(header)}," for header in headers)
    yield "]"
    yield "optional = []"


def _shape(layout: Layout) -> Iterator[str]:
    reading = layout.profile.reading
    if not layout.header_row:
        yield "header = false"
        yield f"fields = {max(map(len, layout.table.head), default=0)}"
    elif reading.header_rows > 1:
        yield f"header_rows = {reading.header_rows}"
    else:
        yield f"# header_row = {layout.header_row}"
    if reading.carry:
        yield "carry = true"


def _column(layout: Layout, at: int, header: str) -> Iterator[str]:
    path = next((each.fields[at] for each in (layout, *layout.repeats) if at in each.fields), None)
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
