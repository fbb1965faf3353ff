"""Table differential: our model for openai-agents against the SDK's own, on the same streams.

One scripted server over a real loopback WebSocket, the SDK's session around either model. Each
stream's row says how much was compared and how many differences the allow-list covers; each entry's
row says where it was of use, and why it is there. A difference that no entry covers is short, and
so is an entry that covers nothing. It runs in the environment that `tests/run.sh` makes for it.
"""

from collections import Counter

from tests.support.agents_environment import HOW_TO_RUN, has_agents, rows_from_there
from tests.tables.row import Row

SHOWN_CHARACTERS = 90


def run(only: str = "") -> list[Row]:
    """Compare every stream, or the one named; the allow-list is judged over all of them."""
    if not has_agents():
        options = ("--only", only) if only else ()
        lacks = HOW_TO_RUN.format(table="differential")
        return rows_from_there("differential", *options) or [Row("streams", False, {"why": lacks})]
    # Only there is the SDK to be had: it takes seconds to import.
    from tests.support.differential_allowed import ALLOWED, MOST
    from tests.support.differential_judge import judge, streams_named

    rows: list[Row] = []
    uses: Counter[str] = Counter()
    for name in streams_named(only):
        verdict = judge(name)
        uses.update(verdict.uses)
        figures: dict[str, object] = {
            "frames": verdict.frames,
            "events": verdict.events,
            "allowed": verdict.uses.total(),
            "why": "; ".join(verdict.unexpected)[:SHOWN_CHARACTERS],
        }
        rows.append(Row(name, not verdict.unexpected, figures))
    if only:
        return rows
    for allowed in ALLOWED:
        used = uses[allowed.name]
        rows.append(
            Row(f"allowed: {allowed.name}", used > 0, {"allowed": used, "why": allowed.reason})
        )
    rows.append(Row("allow-list", len(ALLOWED) <= MOST, {"allowed": len(ALLOWED)}))
    return rows
