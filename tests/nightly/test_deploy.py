"""The files in `deploy/` are ready as they are: systemd takes the units, and they ask for what there is."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app

DEPLOY = Path(__file__).parents[2] / "deploy"
INSTALLED = "/opt/ropo-pipeline/bin/ropo-pipeline"
UNIT = (DEPLOY / "ropo-pipeline.service").read_text(encoding="utf-8")


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing; the program's place stands for any installed one."""
    for name in ("ropo-pipeline.service", "ropo-pipeline.timer"):
        text = (DEPLOY / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(INSTALLED, "/bin/true"), encoding="utf-8")
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_wrong_unit_is_found(tmp_path: Path) -> None:
    """The test above can fail: a setting that does not exist is told."""
    unit = tmp_path / "ropo-pipeline.service"
    unit.write_text(
        UNIT.replace(INSTALLED, "/bin/true").replace("PrivateTmp=", "PrivatTmp="), encoding="utf-8"
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert "PrivatTmp" in done.stderr


@pytest.mark.parametrize(
    "setting",
    [
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "PrivateTmp=yes",
        "CapabilityBoundingSet=",
        "LoadCredential=ropo_cid:/etc/ropo-pipeline/cid",
        "LoadCredential=ropo_apicode:/etc/ropo-pipeline/apicode",
        "LoadCredential=ropo_notify:/etc/ropo-pipeline/notify",
        "SuccessExitStatus=1",
        "RestartPreventExitStatus=2",
    ],
)
def test_the_service_is_hardened(setting: str) -> None:
    """It may do little, gets its secrets as credentials, and its exit codes mean what they mean."""
    assert setting in UNIT.splitlines()


def test_a_night_that_was_slept_through_is_made_up_for() -> None:
    """The timer is persistent."""
    assert "Persistent=true" in (DEPLOY / "ropo-pipeline.timer").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("path", sorted(DEPLOY.iterdir()), ids=lambda path: path.name)
def test_commands_and_options_exist(path: Path) -> None:
    """What a file in `deploy/` calls can be called."""
    calls = re.findall(r"ropo-pipeline (inbox.*)", path.read_text(encoding="utf-8"))
    assert calls or path.suffix == ".timer"
    shown = CliRunner().invoke(app, ["inbox", "--help"], env={"COLUMNS": "200"}).output
    for call in calls:
        assert set(re.findall(r"--[a-z-]+", call)) <= set(re.findall(r"--[a-z-]+", shown))


@pytest.mark.parametrize(("code", "mapped"), [(0, 0), (1, 99), (2, 2), (3, 3), (4, 4)])
def test_airflow_maps_exit_codes(code: int, mapped: int, tmp_path: Path) -> None:
    """The task's command ends with what Airflow is told to take as skipped, and else as the night did."""
    tree = ast.parse((DEPLOY / "airflow_dag.py").read_text(encoding="utf-8"))
    (night,) = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    ]
    assert isinstance(night, str)
    program = tmp_path / "ropo-pipeline"
    program.write_text(f"#!/bin/sh\nexit {code}\n", encoding="utf-8")
    program.chmod(0o755)
    done = subprocess.run(["bash", "-c", night], env={"PATH": f"{tmp_path}:/bin"}, check=False)
    assert done.returncode == mapped
    assert "skip_on_exit_code=99" in ast.unparse(tree)
