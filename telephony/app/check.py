"""`telephony check` and `telephony route`: what a configuration means, before a call does."""

import json
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from telephony.agent import AnyAgent, SdkAgent, Transfer, session_tools
from telephony.app.advice import check_machine, warnings
from telephony.app.configured import (
    Configured,
    configure,
    default_config,
    load_phone,
    load_settings,
)
from telephony.app.hosted.checks import hosted_api
from telephony.app.sdk_facts import sdk_functions, sdk_transfers
from telephony.call import Line
from telephony.call import route as find_route

__all__ = ["print_check", "print_route"]


def _configured(phone: str | None, path: Path | None) -> Configured:
    loaded = load_phone(phone) if phone is not None else None
    return configure(load_settings(path, loaded, {}), loaded, None)


def print_check(phone: str | None, config: Path | None) -> None:
    """Check a configuration and explain it.

    Raises:
        ConfigurationError: It cannot be served, or not on this machine.
    """
    path = config or default_config()
    configured = _configured(phone, path)
    settings = configured.settings
    advice = [*check_machine(settings), *warnings(configured)]
    console = Console()
    for name, what in _facts(configured, path):
        console.print(Text.assemble((f"{name:>9}  ", "bold"), what), soft_wrap=True)
    console.print(_lines_table(configured))
    for line in advice:
        console.print(Text.assemble(("warning: ", "yellow"), line), soft_wrap=True)
    console.print("[green]ok[/]: this configuration can be served")


def _facts(configured: Configured, path: Path | None) -> Iterator[tuple[str, str]]:
    settings = configured.settings
    sip = ", ".join(
        f"{one.transport}:{one.host}:{one.port}" for one in settings.sip.listen_addresses
    )
    servers = ", ".join(f"{name} ({one.url})" for name, one in configured.servers.items())
    callers = ", ".join(f"{one.name} ({', '.join(one.networks)})" for one in settings.trunk)
    directory = settings.record.directory
    yield "settings", str(path) if path else "defaults; there is no telephony.toml here"
    yield "SIP", f"{sip}; audio on UDP {settings.sip.rtp_ports}"
    yield "HTTP", settings.http.listen
    yield "callers", f"this machine{', ' + callers if callers else ' only'}"
    yield "voice", servers or "the embedded rule dialog, no key needed"
    for name, hosted in settings.hosted.items():
        api = hosted_api(settings, name)
        yield "hosted", f"{name}: webhooks to {hosted.path}; {api}; noted in {settings.store.path}"
    yield "event log", f"{directory}/CALL_ID.jsonl" if directory else "not kept"


def _lines_table(configured: Configured) -> Table:
    table = Table("number", "agent", "functions", "transfers to")
    for number, agent in configured.lines:
        functions, transfers = _reach(agent)
        targets = [one.to for one in transfers]
        table.add_row(number, _shown(agent), "\n".join(functions), "\n".join(targets))
    return table


def _shown(agent: AnyAgent) -> Text:
    """Name an agent, and whose it is where it is not ours."""
    return Text(f"{agent.name} (openai-agents)" if isinstance(agent, SdkAgent) else agent.name)


def _reach(agent: AnyAgent) -> tuple[list[str], list[Transfer]]:
    """Give the functions that an agent's model may call, and where it may transfer a call to."""
    if isinstance(agent, SdkAgent):
        return sdk_functions(agent), sdk_transfers(agent)
    transfers = [one for one in agent.handoffs if isinstance(one, Transfer)]
    return [tool.name for tool in session_tools(agent)], transfers


def print_route(number: str, phone: str | None, config: Path | None, *, as_json: bool) -> None:
    """Say which agent answers a number, and why.

    Raises:
        ConfigurationError: The configuration cannot be served.
        Exit: No line matches; status 1.
    """
    configured = _configured(phone, config or default_config())
    found = find_route(number, [Line(one, agent.name) for one, agent in configured.lines])
    if as_json:
        typer.echo(json.dumps({"number": number, "agent": found.agent, "why": found.why}))
    else:
        typer.echo(f"{number} -> {found.agent or 'refused with 404'}: {found.why}")
    if found.agent is None:
        raise typer.Exit(1)
