"""The two messages that carry audio, by hand: the one a template, the other without a model.

They are 50 a second and call upwards and up to as many downwards; everything else takes the models.
"""

from binascii import a2b_base64, b2a_base64

from pydantic_core import SchemaValidator, ValidationError, core_schema

from telephony.realtime.dialects import AUDIO_DELTA_TYPES
from telephony.realtime.wire import MAX_ID_CHARACTERS
from telephony.voice import AudioReceived

__all__ = [
    "BadAudioError",
    "SampleAligner",
    "append_message",
    "decode_audio",
    "read_audio_delta",
]

APPEND_HEAD = b'{"type":"input_audio_buffer.append","audio":"'
APPEND_TAIL = b'"}'

TYPE_WINDOW = 256
"""Octets at either end of a message in which its type is looked for; elsewhere, the models see."""
DELTA_TYPE_END = b'audio.delta"'


class BadAudioError(ValueError):
    """A delta's text is not base64: the server is at fault, the session goes on."""


def append_message(audio: bytes) -> bytes:
    """Give the `input_audio_buffer.append` message for some of the caller's audio.

    Args:
        audio: Octets in the session's input format, any number.
    """
    return APPEND_HEAD + b2a_base64(audio, newline=False) + APPEND_TAIL


def decode_audio(text: str) -> bytes:
    """Decode a delta strictly: one stray character refuses it.

    Raises:
        BadAudioError: The text is not base64 (RFC 4648 section 4), padding included.
    """
    try:
        return a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise BadAudioError(f"the audio is not base64: {error}") from None


def _delta_reader() -> SchemaValidator:
    """Make the reader of a delta's fields: JSON and base64 in one pass, none of it in Python."""
    text, number = core_schema.str_schema(strict=True), core_schema.int_schema(strict=True)
    wire_id = core_schema.str_schema(strict=True, max_length=MAX_ID_CHARACTERS)
    fields = {
        "type": core_schema.literal_schema(sorted(AUDIO_DELTA_TYPES)),
        "response_id": wire_id,
        "item_id": wire_id,
        "content_index": number,
        "delta": text,
    }
    audio = core_schema.typed_dict_field(core_schema.bytes_schema(), validation_alias="delta")
    schema = core_schema.typed_dict_schema(
        {name: core_schema.typed_dict_field(field) for name, field in fields.items()}
        | {"audio": audio},
        config=core_schema.CoreConfig(val_json_bytes="base64"),
    )
    return SchemaValidator(schema)


_read_delta = _delta_reader().validate_json


def read_audio_delta(text: bytes) -> AudioReceived | None:
    """Read an audio delta in one pass, without a model; the message may be written in any way.

    Args:
        text: One message as it stood in its frame.

    Returns:
        The audio, None for a message that this is not or that the models must judge.
    """
    if (
        text.find(DELTA_TYPE_END, 0, TYPE_WINDOW) < 0
        and text.find(DELTA_TYPE_END, -TYPE_WINDOW) < 0
    ):
        return None
    try:
        message = _read_delta(text)
    except ValidationError:
        return None
    delta = message["delta"]
    # Strict as `decode_audio`: the pass also takes RFC 4648 section 5 and does without padding.
    if len(delta) % 4 or "-" in delta or "_" in delta:
        return None
    return AudioReceived(
        message["response_id"], message["item_id"], message["content_index"], message["audio"]
    )


class SampleAligner:
    """Keeps PCM16 whole where a server cuts its deltas inside a sample."""

    def __init__(self) -> None:
        """Begin with no half sample."""
        self._half = b""
        self._item: tuple[str, int] | None = None

    def align(self, received: AudioReceived) -> AudioReceived:
        """Give the audio in whole samples; half of one is kept for the same item's next audio."""
        item = (received.item_id, received.content_index)
        audio = received.audio
        if self._half:
            audio = self._half + audio if item == self._item else audio
            self._half = b""
        if len(audio) % 2:
            self._item, self._half, audio = item, audio[-1:], audio[:-1]
        if audio is received.audio:
            return received
        return AudioReceived(received.response_id, *item, audio)
