"""The command line: `telephony serve`, `call`, `demo`, `check`, `route`, `local`, `bench`.

Each command imports what it runs, so that `--help` is quick and a small command loads no engine.
"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from telephony.engine.version import VERSION
from telephony.errors import ConfigurationError, TelephonyError

__all__ = ["app", "main"]


def _examples(*lines: str) -> str:
    """Write the examples that end a command's help: each line stays one."""
    return "Examples:\n\n" + "\n\n".join(f"`{line}`" for line in lines)


app = typer.Typer(
    help="A phone agent: it answers phone lines and routes calls with a realtime voice model.",
    epilog=_examples("telephony demo", "telephony serve", "telephony COMMAND --help"),
    rich_markup_mode="markdown",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
bench = typer.Typer(
    help="Measure this machine and this version.",
    rich_markup_mode="markdown",
    no_args_is_help=True,
)
app.add_typer(bench, name="bench")

PHONE_HELP = "Your Phone: its module, a colon, its name. Without one the settings say who answers."
PHONE = Annotated[str | None, typer.Argument(metavar="MODULE:PHONE", help=PHONE_HELP)]
CONFIG = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings; else telephony.toml of this folder, if any."
    ),
]
JSON = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]
EXIT_CONFIGURATION = 2
EXIT_FAILED = 1


def _say_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"telephony {VERSION}")
        raise typer.Exit


@app.callback()
def telephony(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_say_version,
            is_eager=True,
            help="Say which version this is.",
        ),
    ] = False,
) -> None:
    """Do nothing but what a command says."""
    del show_version


@app.command(
    epilog=_examples(
        "telephony serve",
        "telephony serve shop:phone --sip 192.0.2.7:5060",
        "telephony serve --sip 127.0.0.1:0 --http 127.0.0.1:0 --json",
    )
)
def serve(
    phone: PHONE = None,
    config: CONFIG = None,
    sip: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where SIP comes in, over UDP and TCP.")
    ] = None,
    http: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where HTTP comes in.")
    ] = None,
    rtp: Annotated[
        str | None, typer.Option(metavar="LOW-HIGH", help="The UDP ports for audio.")
    ] = None,
    operator: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Whom key 2 of the default agent transfers to."),
    ] = None,
    as_json: JSON = False,
) -> None:
    """Answer calls until interrupted.

    With no configuration the agent `reception` answers every number on 127.0.0.1:5060: key 1 tells
    the opening hours, key 2 transfers to the operator, key 0 repeats. No key, no network needed.

    Once it can take a call it prints "ready SIP-URI HTTP-URL"; port 0 takes a free one.
    """
    from telephony.app.configured import load_phone
    from telephony.app.serve import ServeOptions, serve_phone

    sys.path.insert(0, "")
    loaded = load_phone(phone) if phone is not None else None
    serve_phone(
        loaded,
        ServeOptions(
            config=config, sip=sip, http=http, rtp=rtp, operator=operator, as_json=as_json
        ),
    )


@app.command(
    epilog=_examples(
        "telephony call sip:200@192.0.2.9 --play question.wav --record answer.wav",
        "telephony call sip:reception@127.0.0.1 --digits 1 --duration 8",
        "telephony call sip:200@192.0.2.9 --agent shop:reception",
    )
)
def call(
    target: Annotated[
        str,
        typer.Argument(metavar="URI", help="Whom to call, such as sip:200@pbx.example.com."),
    ],
    play: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A WAV file to play; its end ends the call."),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A WAV file to write: left we, right the far end."),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="An agent that talks: MODULE:NAME, or one of the settings."
        ),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="Hang up then, not when the file ends."),
    ] = None,
    digits: Annotated[
        str, typer.Option(metavar="KEYS", help="Keys to press once it is answered: 0-9*#A-D.")
    ] = "",
    config: CONFIG = None,
    as_json: JSON = False,
) -> None:
    """Place a call: play a file, record the answer, or let an agent talk.

    It ends when the file was played, when --duration is over, or when the far end hangs up.

    Exits with 0 when it was answered and ended well, with 1 when not, and says the SIP status.
    """
    from telephony.app.caller import CallOptions
    from telephony.app.caller import call as place

    sys.path.insert(0, "")
    options = CallOptions(target, play, record, agent, duration, digits, config)
    raise typer.Exit(place(options, as_json=as_json))


@app.command(
    epilog=_examples(
        "telephony demo", "telephony demo --out shown --json", "telephony demo --hosted"
    )
)
def demo(
    hosted: Annotated[
        bool,
        typer.Option("--hosted", help="Show calls that a provider holds, before a stand-in."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FOLDER", help="Where the files go; else a fresh folder here."
        ),
    ] = None,
    as_json: JSON = False,
) -> None:
    """Let a recorded caller phone the embedded agent, and prove what happens.

    The caller hears the greeting, talks over it, presses keys, is transferred to a second endpoint
    and hangs up, over SIP on this machine: no key, no network. It takes half a minute.

    Writes the audio in stereo, a timeline and a picture. Exits with 1 where anything is not as it
    should be.

    With --hosted a stand-in provider on this machine tells `telephony serve` of two calls by a
    webhook and holds them: they are accepted, joined by their id, served by a tool, referred and
    hung up. What reached the provider is the proof, and is written.
    """
    from telephony.app.demo import demo as play

    raise typer.Exit(play(out, as_json=as_json, hosted=hosted))


@app.command(epilog=_examples("telephony local", "telephony local --listen 127.0.0.1:0"))
def local(
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where it listens; port 0 takes a free one.")
    ] = "127.0.0.1:8765",
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
) -> None:
    """Run the embedded realtime server alone: a rule dialog behind the Realtime protocol."""
    from telephony.app.local_server import run
    from telephony.engine.log import configure_log

    configure_log()
    run(listen, until_stdin_closes=until_stdin_closes)


@app.command(
    epilog=_examples(
        "telephony check shop:phone",
        "telephony check --config /etc/telephony.toml",
        "telephony check --reference > settings.md",
    )
)
def check(
    phone: PHONE = None,
    config: CONFIG = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of telephony.toml instead.")
    ] = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="Print every setting, as Markdown, instead.")
    ] = False,
) -> None:
    """Say whether a configuration can be served, and what it means.

    Finds what would fail when it is served here, absent secrets and addresses included, and warns
    of what is hardly meant. Exits with 2 where it cannot be served.
    """
    from telephony.app.check import print_check
    from telephony.config import json_schema, reference_markdown

    if schema:
        typer.echo(json.dumps(json_schema(), indent=2))
        return
    if reference:
        typer.echo(reference_markdown())
        return

    sys.path.insert(0, "")
    print_check(phone, config)


@app.command(
    epilog=_examples("telephony route 200", "telephony route +15551234567 --phone shop:phone")
)
def route(
    number: Annotated[
        str, typer.Argument(metavar="NUMBER", help="A number or name as it would be dialled.")
    ],
    phone: Annotated[
        str | None, typer.Option("--phone", metavar="MODULE:PHONE", help=PHONE_HELP)
    ] = None,
    config: CONFIG = None,
    as_json: JSON = False,
) -> None:
    """Say which agent answers a number, and why. Exits with 1 where none does."""
    from telephony.app.check import print_route

    sys.path.insert(0, "")
    print_route(number, phone, config, as_json=as_json)


@bench.command(
    "calls",
    epilog=_examples("telephony bench calls", "telephony bench calls --calls 200 --session pcm"),
)
def bench_calls(
    calls: Annotated[int, typer.Option(metavar="COUNT", help="How many at once, 1 to 2000.")] = 100,
    session: Annotated[
        str, typer.Option(metavar="FORMAT", help="The voice session's audio: pcmu, pcma or pcm.")
    ] = "pcmu",
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to measure, 1 to 600.")
    ] = 10.0,
    as_json: JSON = False,
) -> None:
    """Measure calls at once: CPU per call-frame, pacing, echo, memory, the wake floor.

    A call-frame is 20 ms of one call, both ways. Callers and voice model are processes of their
    own on the other core; the engine is the one that `serve` runs.
    """
    from rich.console import Console

    from telephony.app.bench import report_table, run_bench_calls

    report = run_bench_calls(calls, session, seconds)
    if as_json:
        typer.echo(json.dumps(report.as_dict()))
    else:
        Console().print(report_table(report))
    if report.problems:
        raise typer.Exit(EXIT_FAILED)


@bench.command(
    "realtime",
    epilog=_examples(
        "telephony bench realtime",
        "telephony bench realtime --calls 300 --seconds 20 --json",
    ),
)
def bench_realtime(
    calls: Annotated[
        int, typer.Option(metavar="COUNT", help="How many sessions at once, 1 to 2000.")
    ] = 300,
    seconds: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", help="How long for the costs, then for the sessions, 1 to 120."
        ),
    ] = 10.0,
    as_json: JSON = False,
) -> None:
    """Measure the Realtime client: CPU per event, its floor, many sessions, the import.

    An event is a delta of 0.8 kB received or 20 ms of audio appended, over a real WebSocket. Beside
    it stands a bare socket that moves the same octets and, where openai-agents is installed, that
    package's model and session; it wants an environment of its own.

    Then each of --calls sessions sends and hears 50 events a second, all in one process. Exits with
    1 when a queue grows. The least of all rounds is shown: a busy machine can only add.
    """
    from rich.console import Console

    from telephony.app.bench import realtime_table, run_bench_realtime

    report = run_bench_realtime(calls, seconds)
    if as_json:
        typer.echo(json.dumps(report.as_dict()))
    else:
        Console().print(realtime_table(report))
    if report.problems:
        raise typer.Exit(EXIT_FAILED)


def main() -> None:
    """Run the command line; an error of ours is one message, not a traceback."""
    try:
        app()
    except ConfigurationError as wrong:
        typer.echo(f"configuration error: {wrong}", err=True)
        raise SystemExit(EXIT_CONFIGURATION) from wrong
    except TelephonyError as failed:
        typer.echo(f"error: {failed}", err=True)
        raise SystemExit(EXIT_FAILED) from failed
