"""Sheets of .xlsx and .xlsm workbooks: values by python-calamine, the rest by `marks`."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, fromstring

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from pipeline.findings import Place, refuse
from pipeline.readers.cells import Shape, shape
from pipeline.readers.files import DAMAGE, MAX_UNPACKED, check_archive, damaged, exhaust, unpack
from pipeline.readers.marks import Marks, UnusualError, column_number, scan, scan_by_parser
from pipeline.readers.sheet import Listed, Sheet
from pipeline.readers.table import cell_name

MAX_CELLS = 100_000_000
"""python-calamine holds a sheet as a full rectangle (24 bytes a cell), however few of its cells are used."""

_BUILTIN_PERCENT: dict[str | None, str] = {"9": "0%", "10": "0.00%"}  # ECMA-376 part 1, 18.8.30
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_ROW = re.compile(rb'row [^>]*?\br=["\']([0-9]+)["\']')
_OVERLAP = 64
_ROOT_WITHIN = 4096


def sheets(path: Path) -> list[Listed]:
    """The worksheets of the workbook, in order, without reading them yet.

    Raises:
        Refusal: the file is damaged, encrypted, unpacks to too much, or a sheet reaches too far.
    """
    check_archive(path, partial(_check_extent, path))
    try:
        with CalamineWorkbook.from_path(path) as book:
            found = [each for each in book.sheets_metadata if each.typ is SheetTypeEnum.WorkSheet]
        return [
            Listed(each.name, each.visible is SheetVisibleEnum.Visible, partial(_load, path, each.name))
            for each in found
        ]
    except PasswordError:
        raise refuse("file-encrypted", Place(str(path))) from None
    except CalamineError as error:
        raise damaged(path, error) from None


def _load(path: Path, name: str) -> Sheet:
    """Read one sheet: python-calamine lets other threads run, so the marks cost next to no time."""
    try:
        with ThreadPoolExecutor(1) as pool, CalamineWorkbook.from_path(path) as book:
            marks = pool.submit(_marks, path, name)
            values = book.get_sheet_by_name(name)
            start, end = values.start or (0, 0), values.end or (-1, -1)
            return Sheet(values.iter_rows, end[0] + 1, start[1], end[1] + 1, marks.result())
    except (CalamineError, ParseError, LookupError, ValueError, *DAMAGE) as error:
        raise damaged(path, error) from None


def _marks(path: Path, name: str) -> Marks:
    with zipfile.ZipFile(path) as archive:
        parts = {_normal(part.filename): part for part in archive.infolist()}

        def tree(part: str) -> Element:
            return fromstring(b"".join(unpack(archive, parts[_normal(part)], MAX_UNPACKED)))  # noqa: S314 - expat refuses entity bombs

        main = next((_path("", each) for each in tree("_rels/.rels") if _is(each, "officeDocument")), "")
        folder, name_of_main = posixpath.split(main)
        book = tree(main)
        targets = {each.get("Id"): each for each in tree(f"{folder}/_rels/{name_of_main}.rels")}
        sheet = {each.get("name"): each for each in book.iterfind(".//{*}sheet")}[name]
        target = targets[sheet.get(_RELATION) or sheet.get(_STRICT_RELATION)]
        styles = [_path(folder, each) for each in targets.values() if _is(each, "styles")]
        shapes = _shapes(tree(styles[0])) if styles else {}
        calculation = book.find("{*}calcPr")
        stale = calculation is not None and calculation.get("fullCalcOnLoad") in {"1", "true"}
        part = parts[_normal(_path(folder, target))]
        try:
            with closing(unpack(archive, part, MAX_UNPACKED)) as blocks:
                return scan(blocks, shapes, stale=stale)
        except UnusualError:
            with closing(unpack(archive, part, MAX_UNPACKED)) as blocks:
                return scan_by_parser(blocks, shapes, stale=stale)


def _shapes(styles: Element) -> dict[str, Shape]:
    """By style number, how the cells show their numbers where that matters."""
    declared = {each.get("numFmtId"): each.get("formatCode", "") for each in styles.iterfind("{*}numFmts/*")}
    formats = _BUILTIN_PERCENT | declared
    found = enumerate(styles.iterfind("{*}cellXfs/*"))
    shapes = {str(number): shape(formats.get(each.get("numFmtId"), "")) for number, each in found}
    return {number: as_shown for number, as_shown in shapes.items() if as_shown}


def _is(relation: Element, kind: str) -> bool:
    return relation.get("Type", "").endswith(f"/{kind}")


def _path(folder: str, relation: Element) -> str:
    return posixpath.normpath(posixpath.join("/", folder, relation.get("Target", ""))).lstrip("/")


def _normal(part: str) -> str:
    return part.replace("\\", "/").lstrip("/").lower()


def _check_extent(path: Path, part: str, blocks: Iterable[bytes]) -> None:
    """Refuse a worksheet whose rectangle, from its furthest column and its last row, could not be held."""
    furthest, last_row, before = b"A", 0, b""
    further = _further(furthest)
    for block in blocks:
        if not before and b"worksheet" not in block[:_ROOT_WITHIN]:
            break
        text = before + block
        while found := further.search(text):
            furthest = found[1]
            further = _further(furthest)
        last_row = max(last_row, *map(int, _ROW.findall(text)), 0)
        before = text[-_OVERLAP:]
    exhaust(part, blocks)
    if (column_number(furthest) + 1) * last_row > MAX_CELLS:
        raise refuse("sheet-too-big", Place(str(path)), cell=cell_name(column_number(furthest), last_row))


def _further(column: bytes) -> re.Pattern[bytes]:
    """Finds a cell that holds something in a column right of this one: for `AD`, in `AE` to `XFD`."""
    length = len(column)
    choices = [b"[A-Z]{%d,3}" % (length + 1)] if length < 3 else []
    for index, letter in enumerate(column):
        if letter < ord("Z"):
            choices.append(column[:index] + b"[%c-Z]" % (letter + 1) + b"[A-Z]{%d}" % (length - index - 1))
    # Measured: without the look ahead and the blank before, searching took twice as long.
    return re.compile(rb" r=.(?=[A-Z]{%d})(%b)[0-9]+.[^>/]*>" % (length, b"|".join(choices)))
