"""A benchmark's report as a table for people."""

from rich.table import Table

from telephony.app.bench.report import BenchReport

__all__ = ["report_table"]


def _times(*values: float | None) -> str:
    return " / ".join("-" if value is None else f"{value:.2f}" for value in values)


def report_table(report: BenchReport) -> Table:
    """Lay a report out, worst news in the caption."""
    table = Table(
        title=f"{report.calls} calls, {report.session} session, {report.seconds:.1f} s",
        caption="\n".join((*report.problems, *report.void)) or None,
        caption_justify="left",
    )
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_column("unit")
    user, system = report.cpu_user_us_per_call_frame, report.cpu_system_us_per_call_frame
    ratio = report.floor_us_per_call_frame / max(report.cpu_us_per_call_frame, 1e-9)
    rows = [
        ("CPU per call-frame", f"{report.cpu_us_per_call_frame:.1f}", "µs"),
        ("  user / system", f"{user:.1f} / {system:.1f}", "µs"),
        (
            "  kernel floor, share of it",
            f"{report.floor_us_per_call_frame:g}, {ratio:.0%}",
            "µs",
        ),
        ("engine's share of a core", f"{report.core_percent:.1f}", "%"),
        (
            "pacing error p50 / p99 / p99.9",
            _times(report.pacing_p50_ms, report.pacing_p99_ms, report.pacing_p99_9_ms),
            "ms",
        ),
        (
            "wake floor p50 / p99 / p99.9",
            _times(report.wake_floor_p50_ms, report.wake_floor_p99_ms, report.wake_floor_p99_9_ms),
            "ms",
        ),
        ("engine waited for its core", _times(report.engine_waited_ms_per_s), "ms/s"),
        ("packet lateness p99", _times(report.lateness_p99_ms), "ms"),
        ("echo p50 / p95", _times(report.echo_p50_ms, report.echo_p95_ms), "ms"),
        ("uplink p50 / p95", _times(report.uplink_p50_ms, report.uplink_p95_ms), "ms"),
        ("set-up p50 / p95", _times(report.setup_p50_ms, report.setup_p95_ms), "ms"),
        ("calls up / failed", f"{report.setups} / {report.setups_failed}", ""),
        ("memory per call", f"{report.rss_mb_per_call:.2f}", "MB"),
        ("packets lost / skipped", f"{report.packets_lost} / {report.timeline_jumps}", ""),
        ("voiced, appended", f"{report.voiced_share:.1%}, {report.appended_share:.1%}", ""),
        ("callers' own lateness p99", _times(report.generator_late_p99_ms), "ms"),
        ("uplink stages", ", ".join(report.stages) or "none (passthrough)", ""),
        ("engine on a core of its own", "yes" if report.is_pinned else "no", ""),
    ]
    for row in rows:
        table.add_row(*row)
    return table
