"""`telephony check` and `telephony route`: what a configuration means, before a call does."""

import json
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from telephony.agent import Transfer, session_tools
from telephony.app.configured import (
    Configured,
    configure,
    default_config,
    load_phone,
    load_settings,
)
from telephony.call import Line
from telephony.call import route as find_route

__all__ = ["print_check", "print_route"]


def _configured(phone: str | None, config: Path | None) -> Configured:
    loaded = load_phone(phone) if phone is not None else None
    settings = load_settings(config or default_config(), loaded, {})
    return configure(settings, loaded, None)


def print_check(phone: str | None, config: Path | None) -> None:
    """Check a configuration and explain it.

    Raises:
        ConfigurationError: It cannot be served.
    """
    configured = _configured(phone, config)
    settings = configured.settings
    console = Console()
    listens = ", ".join(
        f"{one.transport}:{one.host}:{one.port}" for one in settings.sip.listen_addresses
    )
    console.print(f"SIP on [bold]{listens}[/], audio on UDP {settings.sip.rtp_ports}")
    console.print(f"HTTP on [bold]{settings.http.listen}[/]")
    servers = ", ".join(f"{name} ({one.url})" for name, one in configured.servers.items())
    console.print(f"voice from [bold]{servers or 'the embedded rule dialog, no key needed'}[/]")
    table = Table("number", "agent", "functions", "transfers to")
    for number, agent in configured.lines:
        targets = [one.to for one in agent.handoffs if isinstance(one, Transfer)]
        functions = ", ".join(tool.name for tool in session_tools(agent))
        table.add_row(number, agent.name, functions, ", ".join(targets))
    console.print(table)
    console.print("[green]ok[/]: this configuration can be served")


def print_route(number: str, phone: str | None, config: Path | None, *, as_json: bool) -> None:
    """Say which agent answers a number, and why.

    Raises:
        ConfigurationError: The configuration cannot be served.
        Exit: No line matches; status 1.
    """
    configured = _configured(phone, config)
    found = find_route(number, [Line(one, agent.name) for one, agent in configured.lines])
    if as_json:
        typer.echo(json.dumps({"number": number, "agent": found.agent, "why": found.why}))
    else:
        typer.echo(f"{number} -> {found.agent or 'refused with 404'}: {found.why}")
    if found.agent is None:
        raise typer.Exit(1)
