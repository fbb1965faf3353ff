"""Open files: no more calls are promised than there can be sockets for."""

import resource
import subprocess
import sys

import pytest

from telephony.engine.descriptors import check_calls, descriptor_limit
from telephony.errors import ConfigurationError
from tests.support.child import ROOT, child_environment

SHOW = "resource.getrlimit(resource.RLIMIT_NOFILE)[0]"


def test_calls_that_have_files_are_let_through() -> None:
    check_calls(100, 576 + 300)  # raises, where it refuses
    check_calls(100_000, None)


@pytest.mark.parametrize(("limit", "possible"), [(576 + 299, 99), (1024, 149), (576, 0), (20, 0)])
def test_calls_without_files_are_refused_with_what_is_possible(limit: int, possible: int) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_calls(150, limit)
    assert str(refused.value) == (
        f"limits.calls is 150, wanted at most {possible}: the system lets a process open"
        f" {limit} files (ulimit -Hn), and each call takes 3"
    )


def test_the_limit_is_the_hard_one() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert descriptor_limit() == (None if hard == resource.RLIM_INFINITY else hard)


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    script = (
        "import resource; from telephony.engine.descriptors import *;"
        f" print({SHOW}); allow_descriptors(); print({SHOW})"
    )
    shell = 'ulimit -Sn 300 && ulimit -Hn 900 && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", shell, "sh", sys.executable, "-c", script],
        cwd=ROOT,
        env=child_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["300", "900"]
