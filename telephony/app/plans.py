"""Turns an agent into a plan for its voice session: which server, which key, which instructions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from telephony.agent import Agent, AnyAgent, session_tools
from telephony.call import ToolDeclared, VoicePlan
from telephony.errors import ConfigurationError
from telephony.voice import ToolDeclaration, VoiceFormat

__all__ = ["Plans", "VoiceServer", "declared", "known_of_call"]


@dataclass(frozen=True, slots=True)
class VoiceServer:
    """One server that speaks the Realtime protocol."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    dialect: str = "generic"
    """The name of its profile."""
    model: str | None = None
    audio_format: VoiceFormat | None = None
    """None follows the leg."""
    transcribe_with: str | None = None
    ping_seconds: float = 20
    """Between two pings; 0 sends none."""
    pong_seconds: float = 10
    """After a ping, for anything at all to come."""
    on_failure: str | None = None
    """Target to transfer to when the session is lost."""


class Plans:
    """Makes plans.

    Args:
        servers: By name; the first is the one for agents that name none.
    """

    def __init__(self, servers: Mapping[str, VoiceServer]) -> None:
        """Keep the servers."""
        self._servers = dict(servers)

    def move(self, name: str, url: str) -> None:
        """Learn where a server is from now on."""
        self._servers[name] = replace(self._servers[name], url=url)

    def server(self, agent: AnyAgent, held_by: str | None = None) -> VoiceServer:
        """Find an agent's server.

        Args:
            agent: Who talks.
            held_by: The server that holds the call, where one does.

        Raises:
            ConfigurationError: It names one that is not configured, or not the call's.
        """
        name = agent.realtime or held_by or next(iter(self._servers))
        server = self._servers.get(name)
        if server is None or name != (held_by or name):
            known = held_by or ", ".join(self._servers)
            message = f"agent {agent.name!r}: realtime is {name!r}, wanted one of {known}"
            raise ConfigurationError(message)
        return server

    def plan(
        self, agent: Agent, variables: Mapping[str, str], held_by: str | None = None
    ) -> VoicePlan:
        """Make the plan for an agent; `variables` follow its instructions, one a line.

        Args:
            agent: Who talks.
            variables: Facts of the call.
            held_by: The server that holds the call, where one does.

        Raises:
            ConfigurationError: It names a server that is not configured, or not the call's.
        """
        connection = self.connection(agent, held_by)
        return VoicePlan.model_validate(
            dict(connection)
            | {
                "instructions": agent.instructions + known_of_call(variables),
                "tools": declared(session_tools(agent)),
                "tool_servers": tuple(agent.tool_servers),
                "model": agent.model or connection.model,
                "voice": agent.voice,
                "silence_ms": agent.silence_ms,
                "filler_after_ms": agent.filler_after_ms,
                "options": agent.options,
                "may_be_interrupted_by_keys": agent.may_interrupt,
                "truncate_at": agent.truncate_at,
                "greeting": f'Say exactly: "{agent.greeting}"' if agent.greeting else None,
            }
        )

    def connection(self, agent: AnyAgent, held_by: str | None = None) -> VoicePlan:
        """Make the plan for an agent but for what it is: where its session is, and how to reach it.

        Args:
            agent: Who talks.
            held_by: The server that holds the call, where one does.

        Raises:
            ConfigurationError: It names a server that is not configured, or not the call's.
        """
        server = self.server(agent, held_by)
        return VoicePlan(
            url=server.url,
            headers=server.headers,
            dialect=server.dialect,
            agent=agent.name,
            audio_format=server.audio_format,
            model=server.model,
            transcribe_with=server.transcribe_with,
            ping_seconds=server.ping_seconds,
            pong_seconds=server.pong_seconds,
            on_failure=server.on_failure,
        )


def known_of_call(variables: Mapping[str, str]) -> str:
    """Give what follows an agent's instructions in one call: its facts, one a line."""
    facts = "".join(f"\n- {name}: {value}" for name, value in variables.items())
    return f"\n\nKnown of this call:{facts}" if facts else ""


def declared(tools: Iterable[ToolDeclaration]) -> tuple[ToolDeclared, ...]:
    """Write functions as the engine is told of them."""
    return tuple(
        ToolDeclared(name=tool.name, description=tool.description, parameters=dict(tool.parameters))
        for tool in tools
    )
