"""Finds what no single value shows: names that lead nowhere, targets not allowed, absent keys."""

from collections.abc import Callable, Collection, Iterator, Mapping
from ipaddress import ip_address
from typing import cast

from pydantic import BaseModel

from telephony.config.hosts import is_loopback
from telephony.config.secret import SecretReference
from telephony.config.settings import Settings
from telephony.config.tree import KeyPath, dotted
from telephony.errors import ConfigurationError

__all__ = ["contradictions"]

Fault = tuple[KeyPath, str]


def contradictions(
    settings: Settings,
    source_of: Callable[[KeyPath], str],
    environ: Mapping[str, str],
    declared: Collection[str],
) -> list[str]:
    """Give a line for each value that is right by itself, and wrong beside the others.

    Args:
        settings: All of them.
        source_of: Names where the value at a path came from.
        environ: The process's environment, for secrets.
        declared: Names of agents besides those of the settings.
    """
    found = [
        *_dangling(settings, declared),
        *_repeated(settings),
        *_unreachable(settings),
        *_shown_to_all(settings),
        *_not_allowed(settings),
        *_absent_secrets(settings, environ),
    ]
    return [f"{source_of(path)}: {dotted(path)}: {what}" for path, what in found]


def _dangling(settings: Settings, declared: Collection[str]) -> Iterator[Fault]:
    """Find each name that leads nowhere."""
    agents = {*settings.agent, *declared}
    named: list[tuple[KeyPath, str | None, Collection[str]]] = [
        (("line", index, "agent"), line.agent, agents) for index, line in enumerate(settings.line)
    ]
    for name, agent in settings.agent.items():
        named.append((("agent", name, "realtime"), agent.realtime, settings.realtime))
        for index, handoff in enumerate(agent.handoffs):
            named.append((("agent", name, "handoffs", index), handoff, agents))
    for name, hosted in settings.hosted.items():
        named.append((("hosted", name, "realtime"), hosted.realtime, settings.realtime))
    for path, value, known in named:
        if value is not None and value not in known:
            names = ", ".join(sorted(known)) or "those declared: there are none"
            yield path, f"is {value!r}, wanted one of {names}"


def _repeated(settings: Settings) -> Iterator[Fault]:
    """Find each number, and each path of webhooks, that is there twice."""
    paths: set[str] = set()
    for name, hosted in settings.hosted.items():
        if hosted.path in paths:
            yield ("hosted", name, "path"), f"is {hosted.path!r} for the second time"
        paths.add(hosted.path)
    seen: set[str] = set()
    for index, line in enumerate(settings.line):
        if line.number in seen:
            yield ("line", index, "number"), f"is {line.number!r} for the second time"
        seen.add(line.number)


def _unreachable(settings: Settings) -> Iterator[Fault]:
    """Find an address of ours that nobody could be told."""
    for one in settings.sip.listen_addresses:
        if settings.sip.advertise is None and _is_wildcard(one.host):
            yield (
                ("sip", "advertise"),
                f"is missing, wanted the IP address that phones reach this machine by:"
                f" sip.listen is {one.host}, every address it has",
            )
            return


def _shown_to_all(settings: Settings) -> Iterator[Fault]:
    """Find a web server that would show calls to anybody."""
    http = settings.http
    if http.token is None and not is_loopback(http.listen_address.host):
        yield (
            ("http", "listen"),
            f'is {http.listen!r}, wanted http.token = {{env = "NAME"}} as well: beyond this'
            " machine, calls are shown to those only who know it",
        )


def _is_wildcard(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def _not_allowed(settings: Settings) -> Iterator[Fault]:
    """Find each target that no pattern of `[transfer] allow` lets through."""
    targets: list[tuple[KeyPath, str | None]] = [
        (("realtime", name, "on_failure"), one.on_failure)
        for name, one in settings.realtime.items()
    ]
    for name, agent in settings.agent.items():
        targets += [(("agent", name, "transfers", key), to) for key, to in agent.transfers.items()]
    allowed = ", ".join(settings.transfer.allow) or "empty"
    for path, target in targets:
        if target is not None and not settings.transfer.allows(target):
            yield path, f"is {target!r}, wanted one that transfer.allow ({allowed}) lets through"


def _absent_secrets(settings: Settings, environ: Mapping[str, str]) -> Iterator[Fault]:
    """Find each secret that cannot be read."""
    for path, secret in _secrets(settings, ()):
        try:
            secret.read(environ)
        except ConfigurationError as absent:
            yield path, str(absent)


def _secrets(node: object, path: KeyPath) -> Iterator[tuple[KeyPath, SecretReference]]:
    """Find each secret in the tree."""
    if isinstance(node, SecretReference):
        yield path, node
    elif isinstance(node, BaseModel):
        for name, value in node:
            yield from _secrets(value, (*path, name))
    elif isinstance(node, dict):
        for name, value in cast("dict[str, object]", node).items():
            yield from _secrets(value, (*path, name))
    elif isinstance(node, tuple):
        for index, value in enumerate(cast("tuple[object, ...]", node)):
            yield from _secrets(value, (*path, index))
