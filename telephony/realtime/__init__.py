"""The Realtime protocol: the one implementation of the `voice` port. Provider names stop here."""

from telephony.realtime import client_events, events, session_config
from telephony.realtime.audio_messages import append_message, read_audio_delta
from telephony.realtime.client_commands import BadClientEventError
from telephony.realtime.profiles import PROFILES, Profile, profile_of
from telephony.realtime.session import MAX_MESSAGE_OCTETS, RealtimeSession
from telephony.realtime.session_body import accept_body
from telephony.realtime.target import session_url
from telephony.realtime.wire import (
    ContentPart,
    ErrorDetail,
    Item,
    MalformedEventError,
    ResponseObject,
    event_id_of,
    write_event,
)

__all__ = [
    "MAX_MESSAGE_OCTETS",
    "PROFILES",
    "BadClientEventError",
    "ContentPart",
    "ErrorDetail",
    "Item",
    "MalformedEventError",
    "Profile",
    "RealtimeSession",
    "ResponseObject",
    "accept_body",
    "append_message",
    "client_events",
    "event_id_of",
    "events",
    "profile_of",
    "read_audio_delta",
    "session_config",
    "session_url",
    "write_event",
]
