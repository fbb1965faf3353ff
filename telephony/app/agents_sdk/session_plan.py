"""What an agent of openai-agents asks of its session, as the plan of a call's voice session."""

from collections.abc import Mapping
from typing import Any, cast

from agents import UserError
from agents.realtime.config import RealtimeSessionModelSettings

from telephony.app.agents_sdk.sdk_settings import session_settings
from telephony.app.plans import declared
from telephony.call import ToolRequested, VoicePlan

__all__ = ["SessionPlan"]


class SessionPlan:
    """The plans of one call, from its first agent to its last.

    The agent's own settings hold, and the SDK's defaults where it has none, but for these: the
    connection and its model are the line's unless the agent names a model; the audio format follows
    the leg; speech is transcribed by what the line's settings name, if they do; and nothing is
    traced at the provider, which would keep the caller's words, unless tracing is asked for.

    Args:
        connection: Where the voice session is.
        known: Follows the instructions of every agent of the call.
    """

    def __init__(self, connection: VoicePlan, known: str) -> None:
        """Begin with the agent of the line."""
        self._connection = connection
        self._known = known
        self._agent = connection.agent
        self._handoffs: dict[str, str] = {}
        self._asked: dict[str, str] = {}

    def of(self, wanted: RealtimeSessionModelSettings) -> VoicePlan:
        """Give the plan for settings that the SDK has merged: of the first agent, or of the next.

        Raises:
            UserError: A setting is none that a phone line can have.
            OptionError: A setting is out of range.
        """
        asked = cast("Mapping[str, Any]", wanted)
        settings = session_settings(
            cast("RealtimeSessionModelSettings", {"tracing": None, **asked})
        )
        if settings.turns != "server":
            raise UserError(
                "turn_detection is off or does not respond, wanted one that does:"
                " on a phone line nobody else ends the caller's turn"
            )
        if settings.output != "audio":
            raise UserError("output_modalities is text, wanted audio: nobody would hear it")
        fields = dict(settings.provider_fields)
        fields.pop("audio.input.format", None)
        transcribe_with = settings.transcribe_with
        if self._connection.transcribe_with is not None and not _names_transcription(asked):
            transcribe_with = self._connection.transcribe_with
        agent = self._next_agent()
        self._handoffs = {one.tool_name: one.agent_name for one in asked.get("handoffs") or ()}
        return VoicePlan.model_validate(
            dict(self._connection)
            | {
                "agent": agent,
                "instructions": settings.instructions + self._known,
                "tools": declared(settings.tools),
                "tool_servers": settings.tool_servers,
                "model": asked.get("model_name") or self._connection.model,
                "voice": settings.voice,
                "silence_ms": settings.silence_ms,
                "transcribe_with": transcribe_with,
                "options": settings.options,
                "provider_fields": fields,
                "is_followed": True,
            }
        )

    def handle_request(self, requested: ToolRequested) -> None:
        """Learn of a function call: if it hands over, the next plan is that agent's."""
        agent = self._handoffs.get(requested.name)
        if agent is not None:
            self._asked[requested.tool_call_id] = agent

    def handle_result(self, tool_call_id: str) -> None:
        """Learn that a function was answered."""
        self._asked.pop(tool_call_id, None)

    def _next_agent(self) -> str:
        """Name the agent of the plan: the one handed to, or the same as before."""
        self._agent = next(iter(self._asked.values()), self._agent)
        return self._agent


def _names_transcription(asked: Mapping[str, Any]) -> bool:
    audio = cast("Mapping[str, Mapping[str, object]]", asked.get("audio") or {})
    return "transcription" in audio.get("input", {}) or "input_audio_transcription" in asked
