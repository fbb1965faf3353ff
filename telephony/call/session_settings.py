"""What a plan asks of the voice session, in the voice port's words."""

from telephony.call.commands import VoicePlan
from telephony.voice import SessionSettings, ToolDeclaration, VoiceFormat

__all__ = ["session_settings"]


def session_settings(plan: VoicePlan, leg_format: VoiceFormat) -> SessionSettings:
    """Put a plan into the voice port's words; the audio format follows the leg unless fixed."""
    return SessionSettings(
        instructions=plan.instructions,
        tools=tuple(
            ToolDeclaration(tool.name, tool.description, tool.parameters) for tool in plan.tools
        ),
        tool_servers=plan.tool_servers,
        audio_format=plan.audio_format or leg_format,
        model=plan.model,
        voice=plan.voice,
        silence_ms=plan.silence_ms,
        transcribe_with=plan.transcribe_with,
        options=plan.options,
        provider_fields=plan.provider_fields,
        owns_audio=plan.attach_to is None,
    )
