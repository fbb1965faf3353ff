"""Event logs on disk: a line a row, complete when the call has ended."""

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from telephony.app.journal import Journal
from telephony.call import CallEnded, CallEvent, CallEventBody, EventLog, PlayoutFinished
from telephony.units import Nanoseconds


def rows(call_id: str, *payloads: CallEventBody) -> list[CallEvent]:
    log = EventLog(call_id, Nanoseconds(0), 0.0)
    return [log.row(payload, Nanoseconds(0)) for payload in payloads]


ENDED = CallEnded(by="remote", cause="BYE")


def test_each_call_has_a_file_of_its_rows_for_us_alone(tmp_path: Path) -> None:
    directory = tmp_path / "calls" / "today"
    journal = Journal(directory)
    assert directory.stat().st_mode & 0o777 == 0o700
    for event in (*rows("a", PlayoutFinished(), ENDED), *rows("b", PlayoutFinished())):
        journal.handle_event(event)
    lines = (directory / "a.jsonl").read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [0, 1]
    assert json.loads(lines[1])["payload"]["cause"] == "BYE"
    assert (directory / "b.jsonl").read_text().count("\n") == 1, "a row is on disk at once"
    journal.close()


def test_a_directory_that_is_there_is_used(tmp_path: Path) -> None:
    Journal(tmp_path)
    journal = Journal(tmp_path)
    journal.handle_event(rows("a", ENDED)[0])
    assert (tmp_path / "a.jsonl").exists()


def test_a_disk_that_takes_nothing_costs_the_journal_and_one_line_of_log(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    (tmp_path / "a.jsonl").mkdir()
    with capture_logs() as logs:
        for event in rows("a", PlayoutFinished(), PlayoutFinished(), ENDED):
            journal.handle_event(event)
        journal.handle_event(rows("b", ENDED)[0])
    assert [(one["event"], one["call"]) for one in logs] == [("journal not written", "a")]
    assert (tmp_path / "b.jsonl").exists()
    journal.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_is_full_in_mid_call_is_survived(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").symlink_to("/dev/full")
    journal = Journal(tmp_path)
    with capture_logs() as logs:
        for event in rows("a", PlayoutFinished(), PlayoutFinished(), ENDED):
            journal.handle_event(event)
    assert len(logs) == 1
    assert "space" in logs[0]["why"]
