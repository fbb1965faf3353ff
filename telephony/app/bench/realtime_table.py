"""The report of `bench realtime` as a table for people."""

from rich.table import Table

from telephony.app.bench.realtime_report import (
    APPEND_LIMIT_US,
    DELTA_LIMIT_US,
    IMPORT_LIMIT_MB,
    IMPORT_LIMIT_S,
    SHARE_LIMIT,
    RealtimeReport,
)

__all__ = ["realtime_table"]

Row = tuple[str, ...]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _queue(first: float, last: float, most: int) -> str:
    return f"{first:.0f}, {last:.0f}, {most}"


def realtime_table(report: RealtimeReport) -> Table:
    """Lay a report out, worst news in the caption."""
    table = Table(
        title=f"Realtime client; {report.sessions} sessions for {report.seconds:.1f} s",
        caption="\n".join((*report.problems, *report.short, *report.void, *report.unmeasured))
        or None,
        caption_justify="left",
    )
    table.add_column("what")
    for column in ("ours", "unit", "hold", "bare socket"):
        table.add_column(column, justify="left" if column == "unit" else "right")
    if report.sdk_version is not None:
        table.add_column(f"openai-agents {report.sdk_version}: its model", justify="right")
        table.add_column("its model and session", justify="right")
    for row in (*_costs(report), *_sessions(report)):
        table.add_row(*row[: len(table.columns)])
    return table


def _costs(report: RealtimeReport) -> list[Row]:
    """Lay out what is measured of every client."""
    return [
        (
            "0.8 kB delta of a burst",
            _number(report.delta_us),
            "µs",
            f"{DELTA_LIMIT_US:g}",
            _number(report.delta_floor_us),
            _number(report.sdk_model_delta_us),
            _number(report.sdk_session_delta_us),
        ),
        (
            "  over the SDK's",
            "",
            "",
            _number(SHARE_LIMIT),
            "",
            _number(report.delta_share_of_sdk_model),
            _number(report.delta_share_of_sdk_session),
        ),
        (
            "0.8 kB delta by itself",
            _number(report.delta_alone_us),
            "µs",
            "",
            _number(report.delta_alone_floor_us),
            _number(report.sdk_model_delta_alone_us),
            _number(report.sdk_session_delta_alone_us),
        ),
        ("append before the socket", _number(report.append_us), "µs", f"{APPEND_LIMIT_US:g}"),
        (
            "append, written",
            _number(report.append_written_us),
            "µs",
            "",
            _number(report.append_floor_us),
            _number(report.sdk_model_append_us),
            _number(report.sdk_session_append_us),
        ),
        (
            "  over the SDK's",
            "",
            "",
            _number(SHARE_LIMIT),
            "",
            _number(report.append_share_of_sdk_model),
            _number(report.append_share_of_sdk_session),
        ),
        (
            "import",
            _number(report.import_s),
            "s",
            f"{IMPORT_LIMIT_S:g}",
            "",
            _number(report.sdk_import_s),
        ),
        (
            "import, resident",
            f"{report.import_mb:.1f}",
            "MB",
            f"{IMPORT_LIMIT_MB:g}",
            "",
            "" if report.sdk_import_mb is None else f"{report.sdk_import_mb:.1f}",
        ),
    ]


def _sessions(report: RealtimeReport) -> list[Row]:
    """Lay out what is measured of many sessions at once."""
    up = _queue(report.queue_up_first, report.queue_up_last, report.queue_up_most)
    down = _queue(report.queue_down_first, report.queue_down_last, report.queue_down_most)
    growth = f"+{report.queue_allowed_growth:.0f}"
    rates = f"{report.events_up_per_s:.0f} / {report.events_down_per_s:.0f}"
    return [
        ("events up / down", rates, "1/s", ""),
        ("one core's share", f"{report.sessions_core_percent:.1f}", "%", ""),
        ("  of an event", _number(report.sessions_us_per_event), "µs", ""),
        ("queue up: first, last, most", up, "events", growth),
        ("queue down: first, last, most", down, "events", growth),
        ("uplink backlog, most", f"{report.backlog_most_ms:.0f}", "ms", ""),
        ("memory per session", _number(report.rss_mb_per_session), "MB", ""),
        ("wake floor p99", _number(report.wake_floor_p99_ms), "ms", ""),
        ("measured on a core of its own", "yes" if report.is_pinned else "no", "", ""),
    ]
