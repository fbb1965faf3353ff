"""What a call asks of its driver; events for the app are `CallEvent`s.

A call may have two sessions for a moment; its epoch, the number of a session in the call, says
which is meant.
"""

from dataclasses import dataclass

from telephony.call.commands import VoicePlan
from telephony.voice import VoiceCommand

__all__ = [
    "CallOutput",
    "CloseVoice",
    "MediaReady",
    "OpenVoice",
    "Released",
    "TellVoice",
    "UseVoice",
]


@dataclass(frozen=True, slots=True)
class OpenVoice:
    """Open a voice session, beside any other; its events come with this epoch."""

    plan: VoicePlan
    epoch: int


@dataclass(frozen=True, slots=True)
class UseVoice:
    """Let the caller's audio go to this session from now on."""

    epoch: int


@dataclass(frozen=True, slots=True)
class TellVoice:
    """Hand a command to a voice session."""

    command: VoiceCommand
    epoch: int


@dataclass(frozen=True, slots=True)
class CloseVoice:
    """Close a voice session, cleanly and within 2 s."""

    epoch: int


@dataclass(frozen=True, slots=True)
class MediaReady:
    """The leg's port may tick and be read from now on; again, when its packet length changes."""


@dataclass(frozen=True, slots=True)
class Released:
    """The call is over: free its sockets. Nothing follows."""


CallOutput = OpenVoice | UseVoice | TellVoice | CloseVoice | MediaReady | Released
"""What a call has to say, in order: rows of its log, and requests of its driver."""
