"""What `telephony check` finds beside wrong values: this machine, and likely mistakes."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from telephony.agent import Agent, AnyAgent
from telephony.app.configured import Configured
from telephony.app.hosted.checks import hosted_warnings
from telephony.call import Line
from telephony.config import ListenAddress, Settings, is_loopback
from telephony.errors import ConfigurationError

__all__ = ["check_machine", "forgotten_words", "warnings"]

REFUSED = "every call is refused with 404"


def check_machine(settings: Settings) -> Iterator[str]:
    """Try what only this machine can tell; gives warnings.

    Raises:
        ConfigurationError: An address is not ours, or a directory cannot be written to.
    """
    for key, address in (
        *(("sip.listen", one) for one in settings.sip.listen_addresses),
        ("http.listen", settings.http.listen_address),
    ):
        where = f"{address.transport}:{address.host}:{address.port}"
        try:
            _try_to_listen(address)
        except OSError as refused:
            if refused.errno != errno.EADDRINUSE:
                raise ConfigurationError(f"{key}: is {where}, but: {refused.strerror}") from None
            yield f"{key}: {where} is in use now, perhaps by a phone that is being served"
    if settings.record.directory is not None:
        _check_directory("record.directory", settings.record.directory)
    if settings.hosted:
        _check_store(settings.store.path)


def _check_directory(key: str, directory: Path) -> None:
    existing = next(one for one in (directory, *directory.absolute().parents) if one.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"{key}: is {str(directory)!r}, wanted one that we can write to: {existing} is none"
        )


def _check_store(path: Path) -> None:
    """Find a file that calls could not be written into; it is not made here."""
    folder = path.absolute().parent
    if not folder.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise ConfigurationError(
            f"store.path: is {str(path)!r}, wanted a file that we can write to"
        )


def _try_to_listen(address: ListenAddress) -> None:
    """Bind what would be bound, for a moment."""
    kind = socket.SOCK_DGRAM if address.transport == "udp" else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((address.host, address.port))


def warnings(configured: Configured) -> list[str]:
    """Say what can be served, and is hardly what was meant."""
    return [
        *_lineless(configured),
        *_shadowed_lines(configured),
        *_unreached_agents(configured),
        *_narrow_limits(configured.settings),
        *hosted_warnings(configured.settings, [agent for _, agent in configured.lines]),
        *forgotten_words(configured),
    ]


def forgotten_words(configured: Configured) -> Iterator[str]:
    """Find each connection whose sessions could not be told the caller's words by the next."""
    for name, server in configured.servers.items():
        if server.transcribe_with is None:
            yield (
                f"realtime.{name}: transcribe_with is not set: when a session has to follow another"
                " in mid-call, all it learns of the caller's words is [caller spoke, n s]"
            )


def _lineless(configured: Configured) -> Iterator[str]:
    if not configured.lines:
        hooked = configured.hook is not None
        what = "only calls that on_incoming answers are taken" if hooked else REFUSED
        yield (f'the phone has no line: {what}; wanted phone.answer("NUMBER", agent) or a [[line]]')


def _shadowed_lines(configured: Configured) -> Iterator[str]:
    """Find each line whose number an earlier one takes; the first that fits answers."""
    lines = [Line(number, agent.name) for number, agent in configured.lines]
    for position, line in enumerate(lines):
        for earlier in lines[:position]:
            if earlier.matches(line.number) and (
                earlier.number.endswith("*") or not line.number.endswith("*")
            ):
                yield (
                    f"line {line.number} ({line.agent}) is never reached:"
                    f" {earlier.number} is before it"
                )
                break


def _unreached_agents(configured: Configured) -> Iterator[str]:
    reached: set[str] = set()
    waiting = [agent for _, agent in configured.lines]
    while waiting:
        agent = waiting.pop()
        if agent.name not in reached:
            reached.add(agent.name)
            waiting += _handed_to(agent, configured)
    for name in configured.agents:
        if name not in reached:
            yield f"agent {name}: no line reaches it, nor an agent that one does"


def _handed_to(agent: AnyAgent, configured: Configured) -> Iterator[AnyAgent]:
    for handoff in agent.handoffs if isinstance(agent, Agent) else ():
        if isinstance(handoff, Agent):
            yield handoff
        elif isinstance(handoff, str):
            yield configured.agents[handoff]


def _narrow_limits(settings: Settings) -> Iterator[str]:
    pairs, calls = len(settings.sip.rtp_port_range), settings.limits.calls
    if pairs < calls:
        ports = settings.sip.rtp_ports
        yield f"sip.rtp_ports: {ports} is enough for {pairs} calls, limits.calls is {calls}"
    hosts = [one.host for one in settings.sip.listen_addresses]
    if not settings.trunk and not all(map(is_loopback, hosts)):
        yield (
            "sip.listen: reaches beyond this machine, and calls from there are refused:"
            " no [[trunk]] lets them in"
        )
