"""The dispatcher of the tables finds them, prints them, and says by its exit what they say."""

import io
import json
import subprocess
import sys

import pytest
from rich.console import Console

from tests.support.child import ROOT, child_environment
from tests.tables.__main__ import all_hold, as_json, main, print_rows, table_names
from tests.tables.row import Row

GOOD = Row("first", ok=True, figures={"calls": 5})
BAD = Row("second", ok=False, figures={"calls": 4, "worst_error": 9})


def test_every_table_is_found_and_nothing_else() -> None:
    assert {"truncation", "rfc4475"} <= set(table_names())
    assert "row" not in table_names()


def test_the_list_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    told = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert [name for name, _ in told] == table_names()
    assert dict(told)["rfc4475"].endswith("of the 49 torture messages of RFC 4475.")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [(["--list"], 0, ""), (["truncation", "--nonsense"], 2, "unrecognized arguments")],
)
def test_a_table_is_found_where_what_others_need_is_not_installed(
    arguments: list[str], status: int, said: str
) -> None:
    code = "import runpy, sys; sys.modules |= dict.fromkeys(['pytest', 'hypothesis', '_pytest'])\n"
    code += "runpy.run_module('tests.tables', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert said in done.stderr


def test_a_table_holds_when_it_has_rows_and_each_does() -> None:
    assert all_hold([GOOD])
    assert not all_hold([GOOD, BAD])
    assert not all_hold([])


def test_people_get_a_column_for_each_figure() -> None:
    out = io.StringIO()
    print_rows("mine", [GOOD, BAD], Console(file=out, width=100))
    text = out.getvalue()
    assert "worst error" in text
    assert "SHORT" in text
    assert text.strip().endswith("mine: 2 rows, 1 short")


def test_what_differs_on_purpose_is_not_called_good() -> None:
    out = io.StringIO()
    odd = Row("third", ok=True, differs="the RFC lets us")
    print_rows("mine", [GOOD, odd], Console(file=out, width=100))
    lines = out.getvalue().splitlines()
    assert [line.split()[3] for line in lines if "third" in line][:1] == ["differs"]
    assert "third differs on purpose: the RFC lets us" in lines
    assert lines[-1] == "mine: 2 rows, 0 short, 1 different on purpose"


def test_brackets_in_a_row_are_shown_as_they_are() -> None:
    out = io.StringIO()
    row = Row("a[bold]b", ok=True, figures={"sent": "[12, red]"}, differs="as [realtime] says")
    print_rows("mine", [row], Console(file=out, width=100))
    text = out.getvalue()
    assert "[12, red]" in text
    assert "a[bold]b differs on purpose: as [realtime] says" in text


def test_programs_get_json() -> None:
    assert json.loads(as_json("mine", [GOOD]))["rows"] == [
        {"name": "first", "ok": True, "figures": {"calls": 5}, "differs": ""}
    ]


def test_what_is_short_is_an_exit_of_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(calls: int = 3, only: str = "") -> list[Row]:
        return [Row(only, ok=calls == 5, figures={"calls": calls})]

    monkeypatch.setattr("tests.tables.rfc4475.run", run)
    assert main(["rfc4475", "--json", "--calls", "5", "--only", "x"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["name"] == "x"
    assert main(["rfc4475"]) == 1
    with pytest.raises(SystemExit):
        main(["rfc4475", "--no-such-option"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nonsense"], "no table 'nonsense'; there are: "), ([], "name a table; there are: ")],
    ids=["unknown", "none"],
)
def test_a_table_that_is_not_there_is_refused_with_the_names_of_those_that_are(
    arguments: list[str], said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.tables", *arguments],
        cwd=ROOT,
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert said + ", ".join(table_names()) in done.stderr
