"""The scripts find a Python that really runs, whatever else is called so."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Find = Callable[..., subprocess.CompletedProcess[str]]
FAKE = """#!/bin/sh
case "$2" in
    *version_info*) {version} ;;
    *ensurepip*) exit {venv} ;;
esac
"""


def plant(folder: Path, name: str, says: str = "exit 127", *, has_venv: bool = True) -> Path:
    """Write a program that calls itself a Python: it says its version, or fails as a shim does."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    version = says if says.startswith("exit") else f"echo {says}"
    path.write_text(FAKE.format(version=version, venv=0 if has_venv else 1))
    path.chmod(0o755)
    return path


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """Run a line of shell with the functions of the scripts and nothing but our fakes on PATH."""

    def run(line: str = "find_python", **environment: str) -> subprocess.CompletedProcess[str]:
        tools = tmp_path / "tools"
        tools.mkdir(exist_ok=True)
        for name in ("sh", "id", "dirname"):
            (tools / name).unlink(missing_ok=True)
            (tools / name).symlink_to(Path("/usr/bin") / name)
        script = f'root={ROOT}; program=test; . "$root/deploy/python.sh"; {line}'
        path = os.pathsep.join([str(tmp_path / "shims"), str(tmp_path / "bin"), str(tools)])
        return subprocess.run(
            ["/bin/sh", "-eu", "-c", script],
            env={"PATH": path, "HOME": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


def test_the_newest_that_runs_is_taken_from_path(find: Find, tmp_path: Path) -> None:
    plant(tmp_path / "bin", "python3.11", "3.11")
    newer = plant(tmp_path / "bin", "python3.12", "3.12")
    assert find().stdout.strip() == str(newer)


def test_a_shim_that_refuses_is_passed_over_for_what_pyenv_keeps(
    find: Find, tmp_path: Path
) -> None:
    plant(tmp_path / "shims", "python3.13")
    plant(tmp_path / "bin", "python3.12", "3.12")
    kept = plant(tmp_path / ".pyenv/versions/3.13.0/bin", "python3.13", "3.13")
    assert find().stdout.strip() == str(kept)
    elsewhere = plant(tmp_path / "my env/versions/3.13.1/bin", "python3.13", "3.13")
    found = find(PYENV_ROOT=str(tmp_path / "my env"))
    assert found.stdout.strip() == str(elsewhere)


def test_a_shim_that_refuses_hides_no_python_further_down_the_path(
    find: Find, tmp_path: Path
) -> None:
    plant(tmp_path / "shims", "python3.11")
    real = plant(tmp_path / "bin", "python3.11", "3.11")
    assert find().stdout.strip() == str(real)


def test_a_python_of_another_version_than_its_name_is_not_taken(find: Find, tmp_path: Path) -> None:
    plant(tmp_path / "bin", "python3.13", "3.9")
    assert find().returncode != 0


def test_none_is_an_error_that_says_what_is_wanted(find: Find) -> None:
    done = find()
    assert done.returncode != 0
    assert "needs Python 3.13, 3.12 or 3.11" in done.stderr


def test_python_says_which(find: Find, tmp_path: Path) -> None:
    plant(tmp_path / "bin", "python3.13", "3.13")
    mine = plant(tmp_path / "mine", "snake", "3.11")
    assert find(PYTHON=str(mine)).stdout.strip() == str(mine)
    old = plant(tmp_path / "mine", "old", "3.9")
    refused = find(PYTHON=str(old))
    assert refused.returncode != 0
    assert "does not run as one of 3.13 3.12 3.11" in refused.stderr
    assert "no program" in find(PYTHON="/nowhere/python").stderr


def test_a_python_without_venv_names_what_is_missing(find: Find, tmp_path: Path) -> None:
    bare = plant(tmp_path / "bin", "python3.11", "3.11", has_venv=False)
    done = find(f"need_venv {bare}")
    assert done.returncode != 0
    assert "lacks the modules venv and ensurepip" in done.stderr
    plant(tmp_path / "bin", "apt-get")
    user = find(f"id() {{ echo 1000; }}; need_venv {bare}")
    assert "sudo apt-get install python3.11-venv" in user.stderr
    whole = plant(tmp_path / "bin", "python3.12", "3.12")
    assert find(f"need_venv {whole}").returncode == 0
