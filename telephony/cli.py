"""The command line: `telephony serve`, `call`, `demo`, `check`, `route`, `local`, `bench`.

Each command imports what it runs, so that `--help` is quick and a small command loads no engine.
"""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from telephony.errors import ConfigurationError, TelephonyError

__all__ = ["app", "main"]

app = typer.Typer(
    help="A phone agent: it answers phone lines and routes calls with a realtime voice model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
bench = typer.Typer(help="Measure this machine and this version.", no_args_is_help=True)
app.add_typer(bench, name="bench")

CONFIG = Annotated[
    Path | None,
    typer.Option("--config", help="Settings; telephony.toml of this folder if there is one."),
]
JSON = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
EXIT_CONFIGURATION = 2
EXIT_FAILED = 1


@app.command()
def serve(
    phone: Annotated[
        str | None, typer.Argument(metavar="[MODULE:PHONE]", help="Your Phone, such as shop:phone.")
    ] = None,
    config: CONFIG = None,
    sip: Annotated[str | None, typer.Option(help="HOST:PORT for SIP over UDP and TCP.")] = None,
    http: Annotated[str | None, typer.Option(help="HOST:PORT for HTTP.")] = None,
    rtp: Annotated[str | None, typer.Option(help="LOW-HIGH, the UDP ports for audio.")] = None,
    operator: Annotated[
        str | None, typer.Option(help="SIP URI that key 2 of the default agent transfers to.")
    ] = None,
    as_json: JSON = False,
) -> None:
    """Answer calls until interrupted.

    With no configuration the agent `reception` answers every number on 127.0.0.1:5060: key 1 tells
    the opening hours, key 2 transfers to the operator, key 0 repeats. No key, no network needed.
    Prints "ready SIP-URI HTTP-URL" once it can take a call; port 0 takes a free one.
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


@app.command()
def call(
    target: Annotated[str, typer.Argument(metavar="URI", help="Such as sip:200@pbx.example.com.")],
    play: Annotated[
        Path | None, typer.Option(help="A WAV file to play; without --duration it ends the call.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="A WAV file to write: left we, right the far end.")
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(metavar="MODULE:NAME", help="Let an agent talk; or the name of one."),
    ] = None,
    duration: Annotated[
        float | None, typer.Option(min=0, help="Hang up after so many seconds.")
    ] = None,
    digits: Annotated[str, typer.Option(help="Keys to press once it is answered.")] = "",
    config: CONFIG = None,
    as_json: JSON = False,
) -> None:
    """Place a call: play a file, record the answer, or let an agent talk.

    It ends when the file was played, when --duration is over, or when the far end hangs up. Exits
    with 0 when it was answered and ended well, with 1 when not, and says the SIP status.
    """
    from telephony.app.caller import CallOptions
    from telephony.app.caller import call as place

    sys.path.insert(0, "")
    options = CallOptions(target, play, record, agent, duration, digits, config)
    raise typer.Exit(place(options, as_json=as_json))


@app.command()
def demo(
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the files; a fresh one here if none.")
    ] = None,
    as_json: JSON = False,
) -> None:
    """Let a recorded caller phone the embedded agent, and prove what happens.

    It hears the greeting, talks over it, presses a key, is transferred to a second endpoint and
    hangs up, over SIP on this machine: no key, no network. Writes the audio in stereo, a timeline
    and a picture; exits with 1 where anything is not as it should be.
    """
    from telephony.app.demo import demo as play

    raise typer.Exit(play(out, as_json=as_json))


@app.command()
def local(
    listen: Annotated[str, typer.Option(help="HOST:PORT; port 0 takes a free one.")] = (
        "127.0.0.1:8765"
    ),
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
) -> None:
    """Run the embedded realtime server alone: a rule dialog behind the Realtime protocol."""
    from telephony.app.local_server import run
    from telephony.engine.log import configure_log

    configure_log()
    run(listen, until_stdin_closes=until_stdin_closes)


@app.command()
def check(
    phone: Annotated[str | None, typer.Argument(metavar="[MODULE:PHONE]")] = None,
    config: CONFIG = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of telephony.toml instead.")
    ] = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="Print every setting, as Markdown, instead.")
    ] = False,
) -> None:
    """Say whether a configuration can be served, and what it means."""
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


@app.command()
def route(
    number: Annotated[str, typer.Argument(help="As it would be dialled.")],
    phone: Annotated[str | None, typer.Option("--phone", metavar="MODULE:PHONE")] = None,
    config: CONFIG = None,
    as_json: JSON = False,
) -> None:
    """Say which agent answers a number, and why."""
    from telephony.app.check import print_route

    sys.path.insert(0, "")
    print_route(number, phone, config, as_json=as_json)


@bench.command("calls")
def bench_calls(
    calls: Annotated[int, typer.Option(help="Calls at once, 1 to 2000.")] = 100,
    session: Annotated[str, typer.Option(help="The voice session's audio: pcmu, pcma, pcm.")] = (
        "pcmu"
    ),
    seconds: Annotated[float, typer.Option(help="Length of the measured window.")] = 10.0,
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
