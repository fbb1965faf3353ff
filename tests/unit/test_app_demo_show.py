"""What a person sees of the demo."""

import io
from pathlib import Path

from rich.console import Console

from telephony.app.demo.hosted_run import HostedReport
from telephony.app.demo.observed import ObservedMove
from telephony.app.demo.report import DemoReport, Files, Step, Truncation
from telephony.app.demo.show import moves_table, show_hosted_report, show_report

FILES = Files(Path("a.wav"), Path("t.json"), Path("p.svg"))


def shown(report: DemoReport) -> str:
    console = Console(file=io.StringIO(), width=120)
    show_report(report, Path("log.jsonl"), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_good_demo_says_so_with_its_figures() -> None:
    text = shown(
        DemoReport(
            (Step("greeting", ok=True, at_ms=59, evidence="heard from its first sample"),),
            (Truncation("speech", "i", 2745, 21960, 21960, 40, 1),),
            FILES,
        )
    )
    for expected in (
        "✓",
        "greeting",
        "0.06 s",
        "2745 ms",
        "2745.000 ms",
        "5 ms",
        "a.wav",
        "log.jsonl",
    ):
        assert expected in text
    assert "✗" not in text
    assert "All of it holds." in text


def test_a_bad_demo_says_what_is_missing() -> None:
    text = shown(
        DemoReport(
            (Step("digit", ok=False, at_ms=None, evidence="the key did not arrive"),),
            (Truncation("key", "i", 100, 800, None, 0, 0),),
            FILES,
            failure="waited 12 s in vain for the opening hours",
        )
    )
    for expected in ("✗", "the key did not arrive", "nothing", "broke off", "Not all of it holds."):
        assert expected in text


def test_a_demo_of_hosted_calls_is_shown_with_its_files() -> None:
    console = Console(file=io.StringIO(), width=120)
    steps = (Step("refer", ok=True, at_ms=9278, evidence="key 2: to tel:+1"),)
    for report, verdict in (
        (HostedReport(steps, {"notes": Path("n.jsonl")}), "All of it holds."),
        (HostedReport(steps, {}, "waited in vain"), "The call broke off: waited in vain"),
    ):
        show_hosted_report(report, Path("log.jsonl"), console)
        assert isinstance(console.file, io.StringIO)
        text = console.file.getvalue()
        for expected in ("refer", "9.28 s", "key 2: to tel:+1", "n.jsonl", "log.jsonl", verdict):
            assert expected in text


def test_moves_stand_in_order_of_time() -> None:
    moves = [
        ObservedMove(move="operator rings", wall=12.5),
        ObservedMove(move="calls", wall=10.0),
    ]
    console = Console(file=io.StringIO(), width=80)
    console.print(moves_table(moves))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert text.index("caller calls") < text.index("operator rings")
    assert "2.50 s" in text
