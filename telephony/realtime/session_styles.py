"""A `session.update` as servers want it that do not take the GA shape."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import to_json

from telephony.realtime.client_events import SessionUpdate
from telephony.realtime.dialects import BETA_FORMATS
from telephony.realtime.profiles import Profile
from telephony.realtime.wire import write_event

__all__ = ["write_update"]

BETA_NAMES = {
    "max_output_tokens": "max_response_output_tokens",
    "noise_reduction": "input_audio_noise_reduction",
    "transcription": "input_audio_transcription",
}
"""What GA has renamed; every other field keeps its name."""
MODALITIES = {"audio": ["audio", "text"], "text": ["text"]}
"""Beta sessions that speak also write."""
NO_FIELDS: Final[Mapping[str, Any]] = {}


def write_update(
    update: SessionUpdate, profile: Profile, fields: Mapping[str, Any] = NO_FIELDS
) -> bytes:
    """Give the message that asks a server for a session.

    Args:
        update: In the GA shape.
        profile: Says in which shape the server wants it.
        fields: By dotted path, in place of what the update says there.
    """
    if profile.style == "ga" and "formats" not in profile.lacks and not fields:
        return write_event(update)
    message: dict[str, Any] = update.model_dump(exclude_unset=True)
    session = message["session"]
    for path, value in fields.items():
        put(session, path, value)
    if "formats" in profile.lacks:
        for direction in session["audio"].values():
            direction.pop("format", None)
    if profile.style == "beta":
        message["session"] = flat(session)
    elif profile.style == "xai":
        message["session"] = lifted(session)
    return to_json(message)


def put(session: dict[str, Any], path: str, value: object) -> None:
    """Set a field of a session, and make the objects on the way to it."""
    *way, name = path.split(".")
    for step in way:
        session = session.setdefault(step, {})
    session[name] = value


def flat(session: Mapping[str, Any]) -> dict[str, Any]:
    """Write a session without levels, under beta names."""
    audio = session["audio"]
    fields = {name: value for name, value in session.items() if name not in ("type", "audio")}
    (modality,) = fields.pop("output_modalities")
    fields["modalities"] = MODALITIES[modality]
    for direction, settings in audio.items():
        for name, value in settings.items():
            if name == "format":
                fields[f"{direction}_audio_format"] = BETA_FORMATS[value["type"]]
            else:
                fields[name] = value
    return {BETA_NAMES.get(name, name): value for name, value in fields.items()}


def lifted(session: Mapping[str, Any]) -> dict[str, Any]:
    """Write a session with its voice and its detector at the top."""
    audio: dict[str, Any] = session["audio"]
    top: dict[str, Any] = {"turn_detection": audio["input"].pop("turn_detection")}
    if "voice" in audio.get("output", {}):
        top["voice"] = audio["output"].pop("voice")
    return {**session, **top}
