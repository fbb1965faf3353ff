"""`codecs/` is a source root, not a package: the standard library owns the name `codecs`."""

import codecs
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def shadowing_packages(root: Path) -> list[Path]:
    """Find every `__init__.py` that would make a `codecs` folder a package."""
    suspects = [root / "codecs" / "__init__.py", *(root / "tests").rglob("codecs/__init__.py")]
    return [path for path in suspects if path.exists()]


def interpreter_starts(root: Path) -> bool:
    """Start Python with both source roots on its path and frozen modules off, as debuggers do."""
    path = os.pathsep.join([str(root), str(root / "codecs")])
    done = subprocess.run(
        [sys.executable, "-X", "frozen_modules=off", "-c", "import codecs; codecs.lookup('utf-8')"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode == 0


def test_no_folder_named_codecs_is_a_package() -> None:
    assert shadowing_packages(ROOT) == []


def test_the_standard_library_keeps_the_name_codecs() -> None:
    assert codecs.lookup("utf-8").name == "utf-8"


def test_python_starts_with_both_source_roots_on_its_path() -> None:
    assert interpreter_starts(ROOT)
