"""From settings and a phone to what the app runs with: lines, agents, servers, engine settings."""

import os
import re
import secrets
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import TypeVar

from telephony.agent import Agent, AnyAgent, SdkAgent, Transfer, agents_by_name, session_tools
from telephony.app.hosted.checks import hosted_faults, hosted_realtime
from telephony.app.phone import OnIncoming, Phone
from telephony.app.plans import Plans, VoiceServer
from telephony.app.reception import reception_phone
from telephony.app.sdk_facts import sdk_faults
from telephony.app.way_needs import unmet_needs
from telephony.call import HostedLeg
from telephony.config import LINE_NUMBER, AgentSettings, RealtimeSettings, Settings, load
from telephony.engine.descriptors import check_calls, descriptor_limit
from telephony.engine.settings import EngineSettings, SipListen
from telephony.errors import ConfigurationError
from telephony.realtime import PROFILES
from telephony.voice import ModelOptions, OptionError, VoiceFormat

__all__ = [
    "LOCAL",
    "Configured",
    "configure",
    "default_config",
    "engine_settings",
    "load_agent",
    "load_phone",
    "load_settings",
]

LOCAL = "local"
"""Name of the embedded server where no `[realtime.NAME]` is configured."""
ENGINE_ID_OCTETS = 3
SDK_MODULE = "agents"
SDK_EXTRA = ', wanted pip install "telephony[agents]"'
MAX_PORT = 65_535
GRANT_LIMIT_AFTER_S = 7.0
"""For the voice session, from the answer without it until it counts as lost."""

Declared = TypeVar("Declared", Agent, Phone)


@dataclass(frozen=True, slots=True)
class Configured:
    """Everything a switchboard needs, checked."""

    lines: list[tuple[str, AnyAgent]]
    agents: Mapping[str, AnyAgent]
    servers: Mapping[str, RealtimeSettings]
    """Empty: the embedded server speaks."""
    hook: OnIncoming | None
    allowed: tuple[str, ...]
    """Targets that calls may be transferred to, besides the patterns of `[transfer] allow`."""
    settings: Settings

    @property
    def needs_embedded_server(self) -> bool:
        """Whether the embedded server has to run."""
        return not self.servers

    def may_transfer(self, target: str) -> bool:
        """Say whether a target is allowed."""
        return target in self.allowed or self.settings.transfer.allows(target)

    def session_of(self, agent: Agent) -> str:
        """Name the server and the model of an agent's session."""
        name = agent.realtime or next(iter(self.servers), LOCAL)
        server = self.servers.get(name)
        model = agent.model or (server.model if server is not None else None)
        return f"{name} ({model})" if model else name

    def plans(self, embedded_url: str | None, environ: Mapping[str, str]) -> Plans:
        """Make the maker of plans.

        Args:
            embedded_url: Of the embedded server, where it runs.
            environ: For keys that are kept in the environment.
        """
        if embedded_url is not None:
            return Plans({LOCAL: VoiceServer(embedded_url)})
        return Plans(self.voice_servers(environ))

    def voice_servers(self, environ: Mapping[str, str]) -> dict[str, VoiceServer]:
        """Give the servers of the settings, with their keys."""
        return {name: _voice_server(server, environ) for name, server in self.servers.items()}


def load_phone(spec: str) -> Phone:
    """Import a user's phone.

    Args:
        spec: `module:name`.

    Raises:
        ConfigurationError: There is no such module or phone, or the module fails.
    """
    return _load(spec, Phone, "phone")


def load_agent(spec: str) -> Agent:
    """Import a user's agent.

    Args:
        spec: `module:name`.

    Raises:
        ConfigurationError: There is no such module or agent, or the module fails.
    """
    return _load(spec, Agent, "agent")


def _load(spec: str, kind: type[Declared], what: str) -> Declared:
    module_name, _, name = spec.partition(":")
    if not module_name or not name:
        wanted = f"MODULE:{what.upper()} such as my{what}:{what}"
        raise ConfigurationError(f"{what} is {spec!r}, wanted {wanted}")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as failed:
        extra = SDK_EXTRA if failed.name == SDK_MODULE else ""
        raise ConfigurationError(f"{what} {spec!r}: no module {failed.name!r}{extra}") from failed
    except Exception as failed:  # whatever a user's module raises
        where = traceback.extract_tb(failed.__traceback__)[-1]
        why = f"{type(failed).__name__}: {failed} ({where.filename}, line {where.lineno})"
        raise ConfigurationError(f"{what} {spec!r}: the module fails: {why}") from failed
    found = getattr(module, name, None)
    if found is None:
        raise ConfigurationError(f"{what} {spec!r}: the module has no {name!r}")
    if not isinstance(found, kind):
        seen, article = type(found).__name__, "an" if kind is Agent else "a"
        raise ConfigurationError(f"{what} {spec!r} is a {seen}, wanted {article} {kind.__name__}")
    return found


def load_settings(
    path: Path | None, phone: Phone | None, overrides: Mapping[str, object]
) -> Settings:
    """Load the settings of this process, for a phone whose agents lines may name.

    Raises:
        ConfigurationError: A value is wrong, or a name leads nowhere.
    """
    declared = [agent for _, agent in phone.lines] if phone is not None else []
    return load(path, os.environ, overrides, agents=_names_reached(declared))


def _names_reached(declared: Iterable[AnyAgent]) -> set[str]:
    """Give the names of agents and of all they hand to, but for those that only the file has."""
    names: set[str] = set()
    waiting = list(declared)
    while waiting:
        agent = waiting.pop()
        if agent.name not in names:
            names.add(agent.name)
            handoffs = agent.handoffs if isinstance(agent, Agent) else ()
            waiting += [one for one in handoffs if isinstance(one, Agent)]
    return names


def configure(settings: Settings, phone: Phone | None, operator: str | None) -> Configured:
    """Join what the file and the Python module say.

    Args:
        settings: The file's, the environment's and the command line's.
        phone: The user's; None takes the file's lines, or the default phone.
        operator: Target of the default phone's transfer.

    Raises:
        ConfigurationError: Something named does not exist, or cannot be used.
    """
    allowed: tuple[str, ...] = ()
    if phone is None and not settings.line:
        phone, allowed = _default_phone(settings, operator)
    elif operator is not None:
        raise ConfigurationError(
            f"--operator is {operator!r}, but the default agent does not answer here: wanted it as"
            " to of a Transfer in Python, or as operator in [agent.NAME.transfers] of the file"
        )
    declared = [agent for _, agent in phone.lines] if phone else []
    agents = agents_by_name([*declared, *_agents_of_file(settings)])
    lines = list(phone.lines) if phone else []
    lines += [(line.number, agents[line.agent]) for line in settings.line]
    configured = Configured(
        lines=lines,
        agents=agents,
        servers=settings.realtime,
        hook=phone.hook if phone else None,
        allowed=allowed,
        settings=settings,
    )
    faults = list(_faults(configured))
    if faults:
        raise ConfigurationError("\n".join(faults))
    return configured


def _default_phone(settings: Settings, operator: str | None) -> tuple[Phone, tuple[str, ...]]:
    """Give the phone that answers where no line says who does, and the targets it may use."""
    try:
        phone = reception_phone() if operator is None else reception_phone(operator)
    except ConfigurationError as wrong:
        message = f"--operator is {operator!r}, wanted a sip:, sips: or tel: URI"
        raise ConfigurationError(message) from wrong
    ((_, agent),) = phone.lines
    assert isinstance(agent, Agent)
    if agent.name in settings.agent:
        raise ConfigurationError(
            f"agent.{agent.name}: no line reaches it, and the default agent has its name:"
            f' wanted a [[line]] with number = "*" and agent = "{agent.name}"'
        )
    return phone, tuple(one.to for one in agent.handoffs if isinstance(one, Transfer))


def _agents_of_file(settings: Settings) -> list[Agent]:
    """Make the agents that the file declares; a handoff goes by name, so order does not matter."""
    return [
        Agent(
            name,
            one.instructions,
            handoffs=[*one.handoffs, *(Transfer(key, to=to) for key, to in one.transfers.items())],
            voice=one.voice,
            realtime=one.realtime,
            greeting=one.greeting,
            filler_after_ms=one.filler_after_ms,
            options=_options(name, one),
        )
        for name, one in settings.agent.items()
    ]


def _options(name: str, settings: AgentSettings) -> ModelOptions:
    """Give an agent's options, which stand among its other keys.

    Raises:
        ConfigurationError: Two contradict each other.
    """
    try:
        return ModelOptions(
            **{one.name: getattr(settings, one.name) for one in fields(ModelOptions)}
        )
    except OptionError as contradiction:
        raise ConfigurationError(f"agent.{name}: {contradiction}") from None


def _faults(configured: Configured) -> Iterator[str]:
    """Find now what would fail in the middle of a call; the file's own values were checked."""
    try:
        check_calls(configured.settings.limits.calls, descriptor_limit())
    except ConfigurationError as too_many:
        yield str(too_many)
    for number, agent in configured.lines:
        if re.fullmatch(LINE_NUMBER, number) is None:
            yield (
                f"agent {agent.name!r}: answers {number!r}, wanted a number or name as it is"
                " dialled, 'prefix*' or '*'"
            )
    yield from _absent_keys(configured.servers)
    yield from hosted_faults(configured.settings, os.environ)
    yield from _unmet_needs(configured)
    servers = list(configured.servers) or [LOCAL]
    for agent in configured.agents.values():
        if agent.realtime is not None and agent.realtime not in servers:
            known = ", ".join(servers)
            yield f"agent {agent.name!r}: realtime is {agent.realtime!r}, wanted one of {known}"
        if isinstance(agent, SdkAgent):
            yield from sdk_faults(agent, configured.may_transfer)
            continue
        try:
            session_tools(agent)
        except ConfigurationError as untellable:
            yield f"agent {agent.name!r}: {untellable}"
        yield from _handoff_faults(configured, agent)


def _unmet_needs(configured: Configured) -> Iterator[str]:
    """Find what agents ask for that calls cannot give which a provider holds."""
    settings = configured.settings
    for name in settings.hosted if settings.realtime else ():
        realtime = hosted_realtime(settings, name)
        reached = [
            agent for agent in configured.agents.values() if agent.realtime in (None, realtime)
        ]
        yield from unmet_needs(reached, f"hosted.{name}", HostedLeg.capabilities)


def _handoff_faults(configured: Configured, agent: Agent) -> Iterator[str]:
    """Find the handoffs of an agent that could not be carried out."""
    for handoff in agent.handoffs:
        if isinstance(handoff, Transfer):
            if not configured.may_transfer(handoff.to):
                yield (
                    f"agent {agent.name!r}: transfer {handoff.name!r} goes to {handoff.to},"
                    " which [transfer] allow does not let through"
                )
            continue
        other = configured.agents[handoff if isinstance(handoff, str) else handoff.name]
        assert isinstance(other, Agent), "agents_by_name lets no other be handed to"
        here, there = configured.session_of(agent), configured.session_of(other)
        if here != there:
            yield (
                f"agent {agent.name!r}: hands to {other.name!r}, which is on {there}, in a session"
                f" on {here}: wanted the same realtime and model, as a call keeps its session"
            )


def _absent_keys(servers: Mapping[str, RealtimeSettings]) -> Iterator[str]:
    """Find each server that nobody may use without a key, and that has none."""
    for name, server in servers.items():
        if server.api_key is None and PROFILES[server.dialect].needs_key:
            yield (
                f"realtime.{name}.api_key: is missing, wanted the server's key:"
                f" the dialect {server.dialect!r} does not go without"
            )


def _voice_server(server: RealtimeSettings, environ: Mapping[str, str]) -> VoiceServer:
    headers = tuple(server.headers.items())
    if server.api_key is not None:
        key = server.api_key.read(environ)
        headers += PROFILES[server.dialect].headers(key, server.key_header)
    return VoiceServer(
        url=server.url,
        headers=headers,
        dialect=server.dialect,
        model=server.model,
        transcribe_with=server.transcribe_with,
        audio_format=None if server.format == "leg" else VoiceFormat(server.format),
        ping_seconds=server.ping_s,
        pong_seconds=server.pong_s,
        on_failure=server.on_failure,
    )


def engine_settings(settings: Settings) -> EngineSettings:
    """Tell an engine what it needs to know."""
    ports = settings.sip.rtp_port_range
    return EngineSettings(
        engine_id="e" + secrets.token_hex(ENGINE_ID_OCTETS),
        sip=tuple(
            SipListen(transport=one.transport.upper(), host=one.host, port=one.port)
            for one in settings.sip.listen_addresses
        ),
        advertise=settings.sip.advertise,
        rtp_ports=(ports[0], min(ports[-1] + 1, MAX_PORT)),
        allowed_sources=tuple(network for trunk in settings.trunk for network in trunk.networks),
        max_calls=settings.limits.calls,
        ring_seconds=settings.limits.ring_s,
        max_call_seconds=settings.limits.call_s,
        grant_seconds=settings.limits.session_grant_s,
        grant_limit_seconds=settings.limits.session_grant_s + GRANT_LIMIT_AFTER_S,
        is_nat=settings.media.nat,
        media_networks=settings.media.media_networks,
        far_buffer_ms=settings.media.far_buffer_ms,
        reorder_wait_ms=settings.media.reorder_wait_ms,
        starvation_ms=settings.media.starvation_fill_ms,
        starvation_dtx_ms=settings.media.starvation_fill_dtx_ms,
    )


def default_config() -> Path | None:
    """Give `telephony.toml` of the working directory, if there is one."""
    path = Path("telephony.toml")
    return path if path.exists() else None
