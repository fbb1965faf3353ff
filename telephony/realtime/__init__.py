"""The Realtime protocol: the one implementation of the `voice` port. Provider names stop here."""

from telephony.realtime import client_events, events, session_config
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
    "ContentPart",
    "ErrorDetail",
    "Item",
    "MalformedEventError",
    "ResponseObject",
    "client_events",
    "event_id_of",
    "events",
    "session_config",
    "write_event",
]
