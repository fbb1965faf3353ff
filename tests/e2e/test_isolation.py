"""User code never outranks audio: the app steps back behind its engine, and a table shows it."""

import os
from pathlib import Path

import pytest

from tests.support import capture
from tests.support.product import Product
from tests.tables.isolation import TOOLS, run


def children_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_app_is_nicer_than_the_engine_it_started(tmp_path: Path) -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    with Product(tmp_path, "ws://127.0.0.1:9") as product:
        engines = [
            pid
            for pid in children_of(product.pid)
            if b"telephony.engine" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        assert [os.getpriority(os.PRIO_PROCESS, pid) for pid in engines] == [ours]
        assert os.getpriority(os.PRIO_PROCESS, product.pid) > ours


@pytest.mark.long
@pytest.mark.peers
@pytest.mark.skipif(capture.missing_reason() is not None, reason=str(capture.missing_reason()))
def test_audio_of_other_calls_goes_on_while_a_tool_blocks_or_computes() -> None:
    rows = run()
    assert [row.name for row in rows] == list(TOOLS.values())
    assert [row for row in rows if not row.ok] == []
