"""A text file read in stretches is the file read in one go: the same rows, problems and suspects."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.findings import Refusal
from pipeline.readers import encoding as encoding_module
from pipeline.readers.delimited import open_delimited
from pipeline.readers.table import RowFrame, Table

_CELLS = st.sampled_from(
    ["1001", "Työ", "", '"Työ;\r\nja matka"', '"a ""b"" c"', 'vino "lainaus', "12,50", "ä" * 40, '"x"y', "\0"]
)
_ROWS = st.lists(
    st.one_of(
        st.lists(_CELLS, min_size=4, max_size=4),
        st.lists(_CELLS, min_size=1, max_size=5),
        st.just([""]),
    ),
    max_size=30,
)


def lines_of(frames: list[RowFrame]) -> list[list[object]]:
    """Every row of the frames, in order."""
    return [row for frame in frames for row in frame.astype(object).to_numpy().tolist()]


def in_stretches(table: Table, size: int, rows_a_frame: int = 3) -> tuple[list[list[object]], set[str]]:
    """All rows and suspects, each stretch read by a table that came from another process."""
    rows: list[list[object]] = []
    suspects: set[str] = set()
    assert table.stretches is not None
    for stretch in table.stretches(size):
        own: Table = pickle.loads(pickle.dumps(table))
        own.suspects = set()
        rows += lines_of([*pickle.loads(pickle.dumps(stretch))(own, rows_a_frame)])
        suspects |= own.suspects
    return rows, suspects


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=_ROWS,
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
    end=st.sampled_from(["\r\n", "\n", "\r"]),
    first=st.sampled_from(["", "sep=;"]),
    size=st.integers(1, 200),
)
def test_stretches_give_what_the_whole_file_gives(
    tmp_path: Path,
    rows: list[list[str]],
    encoding: str,
    end: str,
    first: str,
    size: int,
) -> None:
    """Whatever the rows, the encoding, the line ends, and wherever the file is cut."""
    path = tmp_path / "laskut.csv"
    good = [["Laskunro", "Nimi", "Tuote", "Summa"], *([["1002", "Åke", "Työ", "5"]] * 25)]
    lines = [*([first] if first else []), *(";".join(each) for each in [*good, *rows, *good[1:]])]
    path.write_bytes("".join(line + end for line in lines).encode(encoding))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding_module, "PIECE", 60)
        try:
            table = open_delimited(path)
            whole = lines_of([*table.frames(7)])
        except Refusal:
            return
        assert in_stretches(table, size) == (whole, table.suspects)
        assert encoding == "utf-16" or size > 100 or len(table.stretches(size)) > 3


def test_a_file_is_cut_where_a_row_ends(tmp_path: Path) -> None:
    """Each stretch has about the bytes that were asked for; what no byte tells stays whole."""
    path = tmp_path / "laskut.csv"
    lines = ["Laskunro;Nimi;Summa", *(f"{number};Ääkkönen;5,00" for number in range(60_000))]
    for encoding, most in (("utf-8", 8), ("cp1252", 8), ("utf-16", 1)):
        path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
        table = open_delimited(path)
        assert table.stretches is not None
        cut = table.stretches(1)
        assert (len(cut) > 3, len(cut) <= most) == (encoding != "utf-16", True)
        assert in_stretches(table, 1, 10_000)[0] == lines_of([*table.frames(10_000)])


def test_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    """A stretch of a file that is another one by now is not read."""
    path = tmp_path / "laskut.csv"
    path.write_text("Laskunro;Nimi;Summa\n1001;Åke;5,00\n")
    table = open_delimited(path)
    assert table.stretches is not None
    (stretch,) = table.stretches(1)
    path.write_text("Laskunro;Nimi;Summa\n1001;Åke;5,00\n1002;Åke;5,00\n")
    with pytest.raises(Refusal) as refused:
        list(stretch(table, 10))
    assert refused.value.finding.code == "file-changed"
