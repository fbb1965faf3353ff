"""Table bad-input: what a Realtime server may do wrong, and what the caller gets in spite of it.

Each row is a whole call over real sockets, all of them at once in one engine. A row holds when
exactly one row of the call's log, or one line of the engine's, says whose fault it is; when exactly
one counter grew; and when the caller got what the row says and was never left in silence for more
than 3 s. Beside them a call to a good server goes on undisturbed.
"""

import asyncio
from collections.abc import Sequence

from tests.support.bad_calls import Played, PlayedCase, gets_what_is_due, play_cases
from tests.support.bad_cases import CASES, NOT_RESTORED, BadCase
from tests.tables.row import Row

SILENCE_SECONDS = 3.0
"""Nobody is left in silence for longer."""
ATTEMPTS = 3
STILL_SECONDS = 0.3
"""A machine that stands still for so long, of any 3 s, is no judge of a fault."""
GAP_SECONDS = 0.4
"""Between two packets, on a busy machine of two cores."""


def run(only: str = "") -> list[Row]:
    """Play every case, or those whose name has this in it."""
    return [*rows_of(play_fairly([case for case in CASES if only in case.name])).values()]


def play_fairly(cases: Sequence[BadCase]) -> list[Played]:
    """Play cases, and once more those that fell short while this machine let nothing run."""
    played: list[Played] = []
    left: Sequence[BadCase] = cases
    while left and len(played) < ATTEMPTS:
        played.append(asyncio.run(play_cases(left)))
        rows = rows_of(played[-1:])
        short: list[BadCase] = [case for case in left if not rows[case.name].ok]
        left = short
        if played[-1].still_s < STILL_SECONDS:
            break
    return played


def rows_of(played: Sequence[Played]) -> dict[str, Row]:
    """Judge each case by the last time it was played."""
    return {one.case.name: judge(one, each.still_s) for each in played for one in each.cases}


def judge(played: PlayedCase, still_s: float) -> Row:
    """Judge a case; time that this process stood still is nobody's silence."""
    case = played.case
    faults = [*played.faults, *_faults_of_rows(played), *_faults_of_hearing(played, still_s)]
    if played.counters != case.counters:
        faults.append(f"counted {played.counters}")
    figures: dict[str, object] = {
        "row": _row_of(case),
        "counter": case.counter or (f"trouble {case.code}" if case.code else ""),
        "caller_gets": ", ".join(played.gets),
        "silence_s": round(played.silence_s, 1),
        "verdict": "; ".join(faults),
    }
    return Row(case.name, ok=not faults, figures=figures, differs="" if faults else case.differs)


def _row_of(case: BadCase) -> str:
    """Name the row or line that says whose fault it is, and those of what was tried in vain."""
    if not case.why:
        return ""
    often = f"{case.times} x " if case.times > 1 else ""
    tries = f", {len(case.retries)} x {NOT_RESTORED}" if case.retries else ""
    return f"{often}{case.code or 'log line'} ({case.fault}){tries}"


def _faults_of_rows(played: PlayedCase) -> list[str]:
    case = played.case
    rows = [(row.code, row.fault) for row in played.troubles]
    wanted = [(case.code, case.fault)] * case.times if case.code else []
    wanted += [(NOT_RESTORED, fault) for fault in case.retries]
    faults = [] if rows == wanted else [f"rows {rows}"]
    said = [str(line["why"]) for line in played.lines if line.get("code") != NOT_RESTORED]
    is_said = all(case.why in why for why in said) and len(said) == (case.times if case.why else 0)
    return faults if is_said else [*faults, f"said {said}"]


def _faults_of_hearing(played: PlayedCase, still_s: float) -> list[str]:
    case = played.case
    is_due = gets_what_is_due(played.gets, case)
    faults = [] if is_due else [f"wanted {', '.join(case.gets)}"]
    if played.silence_s > SILENCE_SECONDS + still_s:
        faults.append("left in silence")
    if played.gap_s > GAP_SECONDS + still_s:
        faults.append(f"no packet for {played.gap_s:.1f} s")
    return faults
