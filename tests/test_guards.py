"""The guards catch what they are there for: each mutation is planted in a copy."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.architecture import violations
from tests.test_layout import interpreter_starts, shadowing_packages

ROOT = Path(__file__).parent.parent


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy what the guards read, without caches."""
    skip = shutil.ignore_patterns("__pycache__", ".*_cache", "*.ulaw")
    for name in ("telephony", "codecs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=skip)
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def plant(path: Path, line: str) -> None:
    """Append one import to a module, as a hasty change would."""
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")


def lint_reports(root: Path, file: str) -> str:
    """Run the banned-API rule on one file and give back what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "TID251", file],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout


def test_an_init_in_codecs_is_caught(copy: Path) -> None:
    (copy / "codecs" / "__init__.py").touch()
    assert shadowing_packages(copy) != []
    assert not interpreter_starts(copy)


def test_an_init_in_a_tests_folder_named_codecs_is_caught(copy: Path) -> None:
    (copy / "tests" / "codecs").mkdir()
    (copy / "tests" / "codecs" / "__init__.py").touch()
    assert shadowing_packages(copy) != []


def test_a_clock_in_the_core_is_caught(copy: Path) -> None:
    plant(copy / "telephony" / "rtp" / "__init__.py", "import time")
    assert "TID251" in lint_reports(copy, "telephony/rtp/__init__.py")


def test_telephony_in_codecs_is_caught(copy: Path) -> None:
    plant(copy / "codecs" / "telephony_codecs" / "__init__.py", "import telephony")
    assert "TID251" in lint_reports(copy, "codecs/telephony_codecs/__init__.py")
    assert violations_of("codecs/telephony_codecs/__init__.py", copy)


def violations_of(file: str, root: Path) -> list[str]:
    """Give the violations reported for one file; there must be some."""
    found = [row for row in violations(root) if row.startswith(f"{file}:")]
    assert found
    return found


ARROWS = [
    ("telephony/sip/__init__.py", "from telephony import media", "sip imports media"),
    ("telephony/engine/__init__.py", "import telephony.app", "engine imports app"),
    ("telephony/rtp/__init__.py", "from telephony.call import Call", "rtp imports call"),
    ("telephony/sip/__init__.py", "from ..realtime import x", "sip imports realtime"),
]


@pytest.mark.parametrize(("file", "line", "says"), ARROWS)
def test_an_import_against_the_table_is_caught(copy: Path, file: str, line: str, says: str) -> None:
    plant(copy / file, line)
    assert any(says in row for row in violations_of(file, copy))


def test_the_clean_copy_passes(copy: Path) -> None:
    assert shadowing_packages(copy) == []
    assert interpreter_starts(copy)
    assert violations(copy) == []
    assert lint_reports(copy, "telephony/rtp/__init__.py").startswith("All checks passed")
