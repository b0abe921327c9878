"""The fast search in a sheet's bytes finds just what a parser finds, or leaves the work to it."""

from __future__ import annotations

import html
import io
import random
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils import get_column_letter
from workbook_files import problems, raw_xlsx, texts, worksheet

from pipeline.findings import Refusal
from pipeline.readers import marks as module
from pipeline.readers import open_tables
from pipeline.readers.cells import PERCENT, SLOT, shape, shown_number
from pipeline.readers.marks import Marks, UnusualError, scan, scan_by_parser
from pipeline.readers.table import EXACT

if TYPE_CHECKING:
    from collections.abc import Iterator

SHAPES = {"1": PERCENT, "2": SLOT * 5, "12": PERCENT}

# -- sheets as XML ---------------------------------------------------------------------------------

_texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Co", "Cn"]), max_size=8)
_escaped = st.one_of(
    _texts.map(lambda text: html.escape(text, quote=False)),
    st.sampled_from(["A1*2>3", "A1&amp;&quot;x&quot;", "&#228;", "<!-- x -->", "<![CDATA[<c r=]]>"]),
)
_values = st.one_of(
    st.sampled_from(["", "0", "1", "0.255", "100", "-3"]).map(lambda text: f"<v>{text}</v>"),
    st.sampled_from(["", "<v/>", '<v xml:space="preserve"> 7</v>']),
)
_formulas = st.one_of(
    st.just(""),
    _escaped.map(lambda text: f"<f>{text}</f>"),
    st.sampled_from(['<f t="shared" si="0"/>', '<f t="array" ref="A1:A2">SUM(A1)</f>', "<f/>"]),
)


@st.composite
def _cell(draw: st.DrawFn) -> tuple[str, str]:
    """A cell's attributes beside its name, and its content."""
    kind = draw(
        st.sampled_from(["", "", "", ' t="n"', ' t="s"', ' t="str"', ' t="b"', ' t="e"', ' t="inlineStr"'])
    )
    style = draw(st.sampled_from(["", ' s="0"', ' s="1"', ' s="2"', ' s="12"', ' s="3"', ' s="21"']))
    attributes = draw(st.permutations([style, kind, draw(st.sampled_from(["", ' cm="1"']))]))
    space = draw(st.sampled_from(["", "", "\n  "]))
    if kind == ' t="inlineStr"':
        return "".join(attributes), f"<is><t>{draw(_escaped)}</t></is>"
    if kind == ' t="e"':
        return "".join(attributes), f"{space}{draw(_formulas)}{space}<v>#N/A</v>"
    return "".join(attributes), f"{space}{draw(_formulas)}{space}{draw(_values)}"


@st.composite
def _sheet(draw: st.DrawFn) -> str:
    """The XML of a sheet, mostly as spreadsheet programs write it."""
    named = draw(st.sampled_from([True, True, True, False]))
    rows = []
    for row in sorted(draw(st.sets(st.integers(1, 30), max_size=6))):
        cells = []
        for column in sorted(draw(st.sets(st.integers(1, 40), max_size=5))):
            attributes, content = draw(_cell())
            name = f' r="{get_column_letter(column)}{row}"' if named or draw(st.booleans()) else ""
            cells.append(f"<c{name}{attributes}>{content}</c>" if content else f"<c{name}{attributes}/>")
        hidden = draw(
            st.sampled_from(["", "", ' hidden="1"', ' hidden="0"', ' customHeight="1" hidden="true"'])
        )
        number = f' r="{row}"' if named or draw(st.booleans()) else ""
        rows.append(f"<row{number}{hidden}>{''.join(cells)}</row>" if cells else f"<row{number}{hidden}/>")
    merged = "".join(
        f'<mergeCell ref="A{top}:B{top + 1}"/>' for top in draw(st.lists(st.integers(1, 9), max_size=2))
    )
    return worksheet("".join(rows), f"<mergeCells>{merged}</mergeCells>" if merged else "")


def _plain(marks: Marks) -> tuple[object, ...]:
    shapes = {key: sorted(rows) for key, rows in marks.shapes.items()}
    found = {row: sorted(each) for row, each in marks.problems.items()}
    return shapes, found, marks.merged, marks.hidden_rows


def _blocks(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def _fast(content: bytes, size: int, *, stale: bool) -> Marks | None:
    try:
        return scan(_blocks(content, size), SHAPES, stale=stale)
    except UnusualError:
        return None


@settings(max_examples=400, deadline=None)
@given(sheet=_sheet(), stale=st.booleans(), size=st.sampled_from([1, 7, 64, 1 << 20]))
def test_the_fast_search_and_the_parser_agree(sheet: str, stale: bool, size: int) -> None:
    """On any sheet both find the same, in whatever pieces it comes, or the fast one declines."""
    content = sheet.encode()
    slow = scan_by_parser(_blocks(content, 50), SHAPES, stale=stale)
    fast = _fast(content, size, stale=stale)
    if fast is None:
        unnamed = any(f"<{tag}{end}" in sheet for tag in "c" for end in (">", "/>", " t", " s", " cm"))
        assert unnamed or "<!" in sheet
    else:
        assert _plain(fast) == _plain(slow)


def test_the_fast_search_is_what_usual_workbooks_get() -> None:
    """A sheet as Excel writes it does not need the parser."""
    sheet = worksheet(
        '<row r="1" spans="1:2"><c r="A1" s="1"><v>0.5</v></c>'
        '<c r="B1" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
    )
    assert _plain(scan([sheet.encode()], SHAPES)) == _plain(scan_by_parser([sheet.encode()], SHAPES))
    assert scan([sheet.encode()], SHAPES).problems[1][0].value == "#DIV/0!"


@pytest.mark.parametrize(
    "unusual",
    [
        '<row r="1"><c><v>1</v></c></row>',
        '<row r="1"><c s="1" r="A1"><v>1</v></c></row>',
        "<row r='1'><c r='A1'><v>1</v></c></row>",
        '<row r="1"><c\nr="A1"><v>1</v></c></row>',
        '<row r="1"><!-- <c r="A1"><v>1</v></c> --></row>',
        '<row r="1"><c r="A1" t="str"><v><![CDATA[x]]></v></c></row>',
    ],
)
def test_unusual_sheets_are_declined(unusual: str) -> None:
    """XML that is laid out in another way is left to the parser."""
    with pytest.raises(UnusualError):
        scan([worksheet(unusual).encode()], SHAPES)


def test_a_sheet_with_a_long_tail_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows the rows, such as a hundred thousand links, goes by in small pieces."""
    longest = 0
    whole_rows = module._whole_rows

    def watched(blocks: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal longest
        for block in whole_rows(blocks):
            longest = max(longest, len(block))
            yield block

    monkeypatch.setattr(module, "_whole_rows", watched)
    rows = "".join(f'<row r="{row}"><c r="A{row}"><v>1</v></c></row>' for row in range(1, 2000))
    tail = (
        "<hyperlinks>"
        + "".join(f'<hyperlink ref="A{row}" r:id="r"/>' for row in range(1, 9000))
        + "</hyperlinks>"
    )
    scan(_blocks(worksheet(rows, tail).encode(), 5000), SHAPES)
    assert longest < 11_000


# -- against openpyxl ------------------------------------------------------------------------------

_numbers = st.one_of(st.integers(0, 99_999), st.sampled_from([0.255, 0.1, 0.14, 1.5]))
_formats = st.sampled_from(["General", "0.00", "0%", "0.0%", "00000", "0000000-0", "#,##0.00 €", '"x"0'])


@settings(max_examples=40, deadline=None)
@given(
    cells=st.dictionaries(
        st.tuples(st.integers(1, 12), st.integers(1, 30)),
        st.one_of(st.tuples(_numbers, _formats), st.sampled_from([("#N/A", "General"), ("=A1*2", "0%")])),
        min_size=1,
    )
)
def test_what_openpyxl_knows_of_a_workbook(
    tmp_path_factory: pytest.TempPathFactory, cells: dict[tuple[int, int], tuple[float | str, str]]
) -> None:
    """Formats, errors and formulas are those that openpyxl reads from the same file, cell by cell."""
    path = tmp_path_factory.mktemp("openpyxl") / "a.xlsx"
    book = openpyxl.Workbook()
    for (row, column), (value, number_format) in cells.items():
        book.active.cell(row, column, value).number_format = number_format
    book.save(path)
    [table] = open_tables(path)
    rows, found = texts(table), problems(table)
    seen = 0
    for line in openpyxl.load_workbook(path).active.iter_rows():
        for cell in line:
            if cell.value is None:
                continue
            seen += 1
            text = rows[cell.row - 1][cell.column - 1]
            codes = [each.code for each in found.get(cell.row, []) if each.column == cell.column - 1]
            assert codes == {"e": ["error-cell"], "f": ["formula-not-computed"]}.get(cell.data_type, [])
            if cell.data_type != "n":
                assert text == cell.value
            elif as_shown := shape(cell.number_format):
                assert text == shown_number(float(cell.value), as_shown)
            else:
                assert Decimal(text.removesuffix(EXACT)) == Decimal(str(cell.value))
    assert seen == len(cells)
    assert sum(text != "" for row in rows for text in row) == len(cells)


# -- damaged sheets in whole archives ---------------------------------------------------------------


def test_no_sheet_however_damaged_ends_in_anything_but_a_refusal(tmp_path: Path) -> None:
    """Whatever stands in a sheet's XML, it is read or refused; nothing else happens."""
    chance = random.Random(20261120)
    sheet = bytearray(
        worksheet(
            "".join(
                f'<row r="{row}" hidden="1"><c r="A{row}" s="1"><v>0.5</v></c>'
                f'<c r="B{row}" t="e"><v>#N/A</v></c><c r="C{row}" t="str"><f>A{row}</f><v>x</v></c>'
                f'<c r="D{row}" t="d"><v>2026-02-01</v></c></row>'
                for row in range(1, 6)
            ),
            '<mergeCells count="1"><mergeCell ref="A1:A2"/></mergeCells>',
        ).encode()
    )
    outcomes = set()
    for _ in range(400):
        changed = bytearray(sheet)
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(changed))] = chance.choice(b'<>/"= rcsvte0123456789ABXZ\x00\xff')
        try:
            for table in open_tables(raw_xlsx(tmp_path / "a.xlsx", bytes(changed), styles=["0", "0%"])):
                texts(table)
            outcomes.add("read")
        except Refusal:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_no_workbook_part_however_damaged_ends_in_anything_but_a_refusal(tmp_path: Path) -> None:
    """Likewise for the parts beside the sheets."""
    chance = random.Random(20261121)
    path = raw_xlsx(
        tmp_path / "a.xlsx", worksheet('<row r="1"><c r="A1" s="1"><v>0.5</v></c></row>'), styles=["0", "0%"]
    )
    with zipfile.ZipFile(path) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    outcomes = set()
    for _ in range(400):
        name = chance.choice([each for each in parts if not each.startswith("[")])
        changed = bytearray(parts[name])
        for _ in range(chance.randrange(1, 4)):
            changed[chance.randrange(len(changed))] = chance.choice(b'<>/"= rcsvte0123456789ABXZ\x00\xff')
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as damaged:
            for each, content in (parts | {name: bytes(changed)}).items():
                damaged.writestr(each, content)
        path.write_bytes(buffer.getvalue())
        try:
            for table in open_tables(path):
                texts(table)
            outcomes.add("read")
        except Refusal:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}
