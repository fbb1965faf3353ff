"""Children say when they are ready, answer lines, and always end."""

import sys

import pytest

from tests.support.child import Child, ChildError
from tests.support.patience import PATIENCE_SECONDS

ECHO = """
import json, sys
print("a banner", flush=True)
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    print(json.dumps({"heard": line.strip()}), flush=True)
print("bye", file=sys.stderr)
"""
DEAF = """
import json, signal, time
signal.signal(signal.SIGTERM, lambda *_: None)
print(json.dumps({"ready": True}), flush=True)
time.sleep(60)
"""


def python(
    code: str, *, ends_at_eof: bool = True, start_seconds: float = PATIENCE_SECONDS
) -> Child:
    arguments = [sys.executable, "-c", code]
    return Child(arguments, ends_at_eof=ends_at_eof, start_seconds=start_seconds, stop_seconds=0.3)


def test_a_child_is_ready_answers_and_ends_with_its_input() -> None:
    child = python(ECHO)
    with child:
        assert child.ready == {"ready": True}
        assert child.ask("hello") == {"heard": "hello"}
        assert child.is_running()
        assert child.pid > 0
    assert not child.is_running()
    assert child.log_text() == "bye\n"


def test_a_child_that_does_not_start_shows_its_last_words() -> None:
    with pytest.raises(ChildError, match="no reason at all"), python("exit('no reason at all')"):
        pass


def test_a_child_that_says_nothing_is_ended_in_time() -> None:
    child = python("import time; time.sleep(60)", ends_at_eof=False, start_seconds=0.2)
    with pytest.raises(ChildError), child:
        pass
    assert not child.is_running()


def test_a_child_deaf_to_both_is_killed() -> None:
    with python(DEAF) as child:
        assert child.is_running()
    assert not child.is_running()
