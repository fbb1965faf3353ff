"""`import telephony_codecs` is light, quiet and independent of the call side."""

import subprocess
import sys
from pathlib import Path

import telephony_codecs

CODECS = Path(__file__).parents[2] / "codecs"
LOADED = (
    "import sys, telephony_codecs; print(sorted({'av', 'numpy', 'telephony'} & set(sys.modules)))"
)


def test_it_loads_neither_av_nor_numpy_nor_telephony_and_warns_of_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOADED],
        env={"PYTHONPATH": str(CODECS)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_every_public_name_is_there() -> None:
    assert all(hasattr(telephony_codecs, name) for name in telephony_codecs.__all__)
