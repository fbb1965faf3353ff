"""The embedded realtime server: a rule dialog behind the Realtime protocol, without sockets."""

from telephony.local.faults import RefusedEventError
from telephony.local.hosted import HostedSession
from telephony.local.outbox import LogLine, Message
from telephony.local.session import LocalSession
from telephony.local.speaker import Speaker
from telephony.local.voices import Voice

__all__ = [
    "HostedSession",
    "LocalSession",
    "LogLine",
    "Message",
    "RefusedEventError",
    "Speaker",
    "Voice",
]
