"""Older and other names for what the GA dialect of the Realtime protocol says, in one place."""

from pydantic_core import from_json, to_json

__all__ = ["AUDIO_DELTA_TYPES", "AUDIO_FORMATS", "BETA_FORMATS", "EVENT_TYPES", "rename"]

EVENT_TYPES = {
    "conversation.item.created": "conversation.item.added",
    "response.audio.delta": "response.output_audio.delta",
    "response.audio.done": "response.output_audio.done",
    "response.audio_transcript.delta": "response.output_audio_transcript.delta",
    "response.audio_transcript.done": "response.output_audio_transcript.done",
    "response.text.delta": "response.output_text.delta",
    "response.text.done": "response.output_text.done",
}
"""Beta event types and their GA names; the fields are the same."""

AUDIO_DELTA_TYPES = frozenset({"response.output_audio.delta", "response.audio.delta"})
"""Every name under which a server sends audio, for the path that reads it without the models."""

AUDIO_FORMATS = {
    "audio/pcmu": "pcmu",
    "pcmu": "pcmu",
    "g711_ulaw": "pcmu",
    "audio/pcma": "pcma",
    "pcma": "pcma",
    "g711_alaw": "pcma",
    "audio/pcm": "pcm",
    "pcm": "pcm",
    "pcm16": "pcm",
}
"""Spellings of audio formats, GA, beta and third-party, and the name that settings use."""


BETA_FORMATS = {
    "audio/pcmu": "g711_ulaw",
    "audio/pcma": "g711_alaw",
    "audio/pcm": "pcm16",
}
"""What a beta session calls GA's audio formats."""


def rename(event_type: str, text: bytes | str) -> bytes | None:
    """Rewrite a message of an older dialect under its GA type.

    Args:
        event_type: The type the message gives.
        text: The message, a valid JSON object.

    Returns:
        The message with its GA type, None where that is the one it has. Blanks around a type go:
        the reference itself shows one before that of a digit.
    """
    plain = event_type.strip()
    ga_type = EVENT_TYPES.get(plain, plain)
    if ga_type == event_type:
        return None
    return to_json({**from_json(text), "type": ga_type})
