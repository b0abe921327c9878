"""The wheel, away from the checkout; and the two commands of a fresh clone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from flow_desk import CHECKOUT, SAMPLES, Desk

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--no-cache-dir", "--no-input"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the wheel of this checkout was installed."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    left_out = shutil.ignore_patterns(".*", "benchmarks", "tests", "out", "__pycache__")
    shutil.copytree(CHECKOUT, source, ignore=left_out)
    subprocess.run([*PIP, "wheel", source, "--no-deps", "--no-build-isolation", "-w", folder], check=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*PIP, "install", wheel, "--no-deps", "--target", folder / "site"], check=True)
    shutil.rmtree(source)
    return folder / "site"


def test_the_wheel_works_outside_the_checkout(installed: Path, desk: Desk) -> None:
    """Schemas and data files are in it: a whole run from another directory."""
    shutil.copy(SAMPLES / "invoices.xlsx", desk.folder)
    command = [sys.executable, "-P", "-m", "pipeline", "run", "invoices.xlsx", "--out", "out"]
    env = desk.environment(PYTHONPATH=str(installed))
    where = [sys.executable, "-P", "-c", "import pipeline; print(pipeline.__file__)"]
    found = subprocess.run(where, cwd=desk.folder, env=env, capture_output=True, text=True, check=True)
    done = subprocess.run(command, cwd=desk.folder, env=env, capture_output=True, text=True, check=False)
    assert Path(found.stdout.strip()).is_relative_to(installed)
    assert (done.returncode, done.stderr) == (0, "")
    assert desk.report()["totals"]["outcomes"]["accepted"]["count"] == 40


def test_the_wheel_has_every_data_file(installed: Path) -> None:
    """What lies in `pipeline/` and `schemas/` of the checkout lies in the installed package."""
    wanted = {
        path.relative_to(CHECKOUT)
        for path in (CHECKOUT / "pipeline").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    } | {Path("pipeline") / path.relative_to(CHECKOUT) for path in (CHECKOUT / "schemas").glob("*.json")}
    found = {path.relative_to(installed) for path in (installed / "pipeline").rglob("*") if path.is_file()}
    assert wanted - found == set()
