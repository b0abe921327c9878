"""`follow --pdf`: archived PDFs come whole or not at all, over nothing, under safe names."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from follow_world import StartWorld, World
from hypothesis import given
from hypothesis import strategies as st
from scripted import Reply, Scripted

from pipeline.follow.pdfs import file_name

PDF = b"%PDF-1.7\n...\n%%EOF\n"


def files(world: World) -> dict[str, bytes]:
    """What is in the folder of PDFs."""
    return {path.name: path.read_bytes() for path in (world.desk.folder / "pdfs").iterdir()}


def test_a_pdf_is_fetched(world: World) -> None:
    """One file a bill number, readable by its owner only; nothing in the ledger changes."""
    world.send("1001", "1002")
    runs = world.desk.ledger("SELECT id FROM run")
    done = world.desk.here("follow", "--pdf", "1001", "1002", "1001", "--out", "pdfs")
    assert done.code == 0
    assert set(files(world)) == {"1001.pdf", "1002.pdf"}
    assert all(each.startswith(b"%PDF-") for each in files(world).values())
    assert (world.desk.folder / "pdfs" / "1001.pdf").stat().st_mode & 0o777 == 0o600
    assert "PDF of 1001: pdfs/1001.pdf" in done.out
    assert world.desk.ledger("SELECT id FROM run") == runs


def test_no_file_is_written_over(world: World) -> None:
    """What is there stays, and is told."""
    world.send("1001", "1002")
    (world.desk.folder / "pdfs").mkdir()
    (world.desk.folder / "pdfs" / "1001.pdf").write_text("mine")
    done = world.desk.here("follow", "--pdf", "1001", "1002", "--out", "pdfs")
    assert done.code == 1
    assert "No PDF of 1001: pdfs/1001.pdf is there already." in done.out
    assert "(pdf-not-fetched)" in done.out
    assert files(world)["1001.pdf"] == b"mine"
    assert set(files(world)) == {"1001.pdf", "1002.pdf"}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(404, {"title": "Not Found", "detail": "There is no such document"}), "HTTP 404"),
        (Reply(200, PDF[:-8]), "what the service gave is no whole PDF"),
        (Reply(200, b"<html>"), "what the service gave is no whole PDF"),
        (Reply(200, PDF, {"Content-Length": "9000"}), "IncompleteRead"),
        (Reply(0), "RemoteDisconnected"),
    ],
)
def test_what_is_no_whole_pdf_is_not_written(
    told: World, server: Scripted, reply: Reply, reason: str
) -> None:
    """Nothing is left of it, not even under another name."""
    server.look_ups = lambda _: reply
    done = told.desk.here("follow", "--pdf", "1001", "--out", "pdfs")
    assert done.code == 1
    assert reason in done.out
    assert files(told) == {}
    assert server.requests[-1].headers["Accept"] == "application/pdf"


def test_a_service_that_is_not_there(start: StartWorld) -> None:
    """Nothing can be fetched: try again later."""
    world = start()
    world.desk.env["ROPO_BASE_URL"] = "http://127.0.0.1:9"
    done = world.desk.here("follow", "--pdf", "1001", "--out", "pdfs")
    assert done.code == 4
    assert done.one_line.endswith("(service-unreachable)")


@pytest.mark.parametrize(
    ("billnum", "name"),
    [
        ("1001", "1001.pdf"),
        ("2026-11 A", "2026-11 A.pdf"),
        ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd.pdf"),
        ("a\\b:c", "a%5Cb%3Ac.pdf"),
        ("NUL", "%4EUL.pdf"),
        ("com1.x", "%63om1.x.pdf"),
        ("Ä1", "%C3%841.pdf"),
    ],
)
def test_a_name(billnum: str, name: str) -> None:
    """What is harmless stays readable."""
    assert file_name(billnum) == name


@given(st.text(min_size=1, max_size=20).filter(str.strip))
def test_every_name_is_safe(billnum: str) -> None:
    """It leads nowhere, on any system, and is no hidden file."""
    name = file_name(billnum.encode(errors="replace").decode())
    assert PurePosixPath(name).name == PureWindowsPath(name).name == name
    assert not name.startswith(".")
    assert name.isprintable()
    assert Path("x") / name == Path(f"x/{name}")


@given(st.text(min_size=1, max_size=10), st.text(min_size=1, max_size=10))
def test_two_numbers_have_two_names(one: str, other: str) -> None:
    """So none takes another's place."""
    one, other = (each.encode(errors="replace").decode().strip() for each in (one, other))
    assert (file_name(one) == file_name(other)) == (one == other)
