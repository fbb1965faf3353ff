"""What a server's words about a response or a fault mean in the words of the `voice` port."""

from typing import Any

from telephony.realtime.client_commands import CUT_ID, HARMLESS_IDS
from telephony.realtime.dialects import AUDIO_FORMATS
from telephony.realtime.responses import BUSY_CODES
from telephony.realtime.session_body import mapping
from telephony.realtime.wire import ErrorDetail, ResponseObject
from telephony.voice import ResponseFinished, ResponseStatus, VoiceErrorReceived

__all__ = ["error_received", "is_unsupported_cut", "refuses_format", "response_finished", "shown"]

SHOWN_CHARACTERS = 500
"""How much of a server's message or reason is passed on."""

HARMLESS_CODES = BUSY_CODES | {
    "response_cancel_not_active",
    # "Only model output audio messages can be truncated": no audio of the item was sent to us.
    "unsupported_content_type",
    "input_audio_buffer_commit_empty",
}
UNSUPPORTED_CODES = frozenset({"not_implemented", "unknown_event_type"})
"""What servers say to an event that they do not carry out, whichever it is."""
FORMAT_WORDS = ("format", *(name for name, ours in AUDIO_FORMATS.items() if ours != "pcm"))
"""What an error names that is about an audio format: the field, or G.711 in any spelling."""
HARMLESS_WORDS = "already shorter than"
"""What a truncation past the end of an item is answered with, under changing codes."""


def shown(words: object) -> str:
    """Give a server's words as text of bounded length, nothing for None."""
    return "" if words is None else str(words)[:SHOWN_CHARACTERS]


def error_received(error: ErrorDetail) -> VoiceErrorReceived:
    """Turn an error of the server into an event, and say whether it is an expected race."""
    message = shown(error.message)
    code = shown(error.code or error.type)
    is_harmless = (
        (error.event_id or "").startswith(HARMLESS_IDS)
        or code in HARMLESS_CODES
        or HARMLESS_WORDS in message
    )
    return VoiceErrorReceived(code, message, is_harmless)


def is_unsupported_cut(error: ErrorDetail) -> bool:
    """Tell whether an error says that the server cannot cut its memory at all."""
    is_cut = (error.event_id or "").startswith(CUT_ID)
    return is_cut and (error.code or error.type) in UNSUPPORTED_CODES


def refuses_format(error: ErrorDetail) -> bool:
    """Tell whether an error is about an audio format, by the field or the value it names."""
    words = f"{error.param or ''} {error.message or ''}".lower()
    return any(name in words for name in FORMAT_WORDS)


def response_finished(response: ResponseObject) -> ResponseFinished:
    """Turn the end of a response into an event; a status nobody defined counts as failed."""
    try:
        status = ResponseStatus(response.status or "completed")
    except ValueError:
        status = ResponseStatus.FAILED
    return ResponseFinished(
        response_id=response.id,
        status=status,
        reason="" if status is ResponseStatus.COMPLETED else reason_of(response),
        usage=mapping(response.usage),
    )


def reason_of(response: ResponseObject) -> str:
    """Say in the server's words why a response was not completed."""
    details: Any = response.status_details
    error = mapping(mapping(details).get("error"))
    said = [error.get("code") or error.get("type"), error.get("message")]
    words = ": ".join(str(word) for word in said if word)
    if isinstance(details, str):
        words = details
    return shown(words or mapping(details).get("reason") or response.status)
