"""What a call asks of its driver; events for the app are `CallEvent`s."""

from dataclasses import dataclass

from telephony.call.commands import VoicePlan
from telephony.voice import VoiceCommand

__all__ = ["CallOutput", "CloseVoice", "MediaReady", "OpenVoice", "Released", "TellVoice"]


@dataclass(frozen=True, slots=True)
class OpenVoice:
    """Open a voice session and ask for what the plan wants."""

    plan: VoicePlan
    epoch: int


@dataclass(frozen=True, slots=True)
class TellVoice:
    """Hand a command to the voice session that is open."""

    command: VoiceCommand


@dataclass(frozen=True, slots=True)
class CloseVoice:
    """Close the voice session, cleanly and within 2 s."""


@dataclass(frozen=True, slots=True)
class MediaReady:
    """The leg's port may tick and be read from now on; again, when its packet length changes."""


@dataclass(frozen=True, slots=True)
class Released:
    """The call is over: free its sockets. Nothing follows."""


CallOutput = OpenVoice | TellVoice | CloseVoice | MediaReady | Released
