"""What the tests of workbooks share: files written by a library or part by part, tables read back."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import xlsxwriter

from pipeline.findings import Finding, Refusal
from pipeline.readers import open_tables
from pipeline.readers.table import PROBLEMS, ROW, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.readers.table import Table

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_ODF = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "table", "text", "style")
)
_CALC = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'


def texts(table: Table, size: int = 1000) -> list[list[str]]:
    """The texts of all rows."""
    return _joined(table, size).drop(columns=[ROW, PROBLEMS]).to_numpy().tolist()


def problems(table: Table, size: int = 1000) -> dict[int, list[Problem]]:
    """The problems by row number."""
    frame = _joined(table, size)
    found = zip(frame[ROW].tolist(), frame[PROBLEMS], strict=True)
    return {row: Problem.unpack(packed) for row, packed in found if packed}


def refused(path: Path, **options: Any) -> Finding:
    """Why the file is refused."""
    with pytest.raises(Refusal) as caught:
        open_tables(path, **options)
    assert "\n" not in caught.value.finding.message
    return caught.value.finding


def xlsx(path: Path, rows: Sequence[Sequence[Any]], formats: Sequence[str | None] = ()) -> Path:
    """A workbook with one sheet, written by XlsxWriter; formats are by column."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Laskut")
        styles = [book.add_format({"num_format": each}) if each else None for each in formats]
        for row, values in enumerate(rows):
            for column, value in enumerate(values):
                sheet.write(row, column, value, styles[column] if column < len(styles) else None)
    return path


def raw_xlsx(
    path: Path, sheet: str | bytes, *, styles: Sequence[str] = (), book: str = "", settings: str = ""
) -> Path:
    """A workbook of one sheet, its parts written as given; style n shows the n-th number format."""
    formats = "".join(f'<numFmt numFmtId="{200 + n}" formatCode="{each}"/>' for n, each in enumerate(styles))
    used = "".join(f'<xf numFmtId="{200 + n}"/>' for n in range(len(styles)))
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/>'
        "</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">{settings}'
        f'<sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets>{book}</workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_RELATIONS}/styles" Target="/xl/styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><numFmts>{formats}</numFmts>'
        f"<cellXfs>{used}</cellXfs></styleSheet>",
        "xl/worksheets/sheet1.xml": sheet,
    }
    return archive(path, parts)


def worksheet(rows: str, tail: str = "") -> str:
    """The XML of a worksheet with those rows."""
    return f'<?xml version="1.0"?><worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData>{tail}</worksheet>'


def raw_ods(path: Path, tables: str, *, styles: str = "", manifest: str = "") -> Path:
    """A spreadsheet with those tables, written as given."""
    content = (
        f"<office:document-content {_ODF} {_CALC}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"
    )
    mimetype = "application/vnd.oasis.opendocument.spreadsheet"
    return archive(
        path, {"mimetype": mimetype, "content.xml": content, "META-INF/manifest.xml": f"<m>{manifest}</m>"}
    )


def archive(path: Path, parts: dict[str, str | bytes]) -> Path:
    """A ZIP archive of those parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def _joined(table: Table, size: int) -> pd.DataFrame:
    frames = [frame.astype(object) for frame in table.frames(size)]
    assert all(len(frame) <= size for frame in frames)
    return pd.concat(frames, ignore_index=True)
