"""What happened to a call: the messages that go up from the engine, and the rows of its event log.

Transcript, CDR, console, webhooks and timeline are views of these rows; nothing else invents a
shape (design: decision 12).
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from telephony.call.body import MessageBody
from telephony.call.commands import HostedAct
from telephony.call.progress_rows import (
    AudioEnded,
    ItemNoted,
    PlayoutAdvanced,
    ResponseBegan,
    WordsAdded,
)
from telephony.voice import VoiceFormat

__all__ = [
    "AgentConfigured",
    "CallAnswered",
    "CallEnded",
    "CallEvent",
    "CallEventBody",
    "CallHeld",
    "CallIncoming",
    "CallPlaced",
    "CallProgressed",
    "CallResumed",
    "CallerIdled",
    "CallerSpeechStarted",
    "CallerSpeechStopped",
    "DigitPressed",
    "HostedActRequested",
    "ItemDeletedFromMemory",
    "ItemTruncatedAt",
    "KeysCollected",
    "PlayoutFinished",
    "ResponseEnded",
    "SpeechTranscribed",
    "ToolRequested",
    "ToolServed",
    "TransferEnded",
    "TransferProgressed",
    "TransferRequested",
    "TransferStarted",
    "TroubleNoted",
    "VoiceClosed",
    "VoiceGranted",
    "VoiceLost",
    "VoiceRenewing",
    "VoiceRestored",
]


class CallIncoming(MessageBody):
    """Someone calls; routing decides. Caller-supplied text is untrusted."""

    type: Literal["call.incoming"] = "call.incoming"
    way: Literal["sip", "hosted"] = "sip"
    number: str
    """User part of the Request-URI: what was dialled."""
    to: str
    """The To header field's URI; of a hosted call what was dialled."""
    caller: str
    """User part of From, or its whole URI where there is none."""
    caller_name: str
    source: str
    """host:port that the request came from; of a hosted call the name of its settings."""
    sip_call_id: str | None = None
    """Of a call that came over our own SIP."""
    hosted_id: str | None = None
    """The provider's name of a hosted call."""
    headers: tuple[tuple[str, str], ...] = ()
    """Header fields of the INVITE that are not the protocol's own, in order."""
    capabilities: tuple[str, ...] = ()
    """What this way can do: values of `Capability`."""


class CallPlaced(MessageBody):
    """We call someone."""

    type: Literal["call.placed"] = "call.placed"
    target: str
    sip_call_id: str


class CallProgressed(MessageBody):
    """The far end of a call we placed rings, or asks for patience."""

    type: Literal["call.progressed"] = "call.progressed"
    status: int
    reason: str


class CallAnswered(MessageBody):
    """Both sides agreed on audio; the call is up."""

    type: Literal["call.answered"] = "call.answered"
    codec: str
    """Empty where the audio is the provider's, as a hosted call's is."""
    ptime_ms: int
    """0 where the audio is the provider's."""
    remote: str
    """host:port of the far end's audio; of a hosted call the provider's name of it."""


class CallHeld(MessageBody):
    """The far end put us on hold."""

    type: Literal["call.held"] = "call.held"


class CallResumed(MessageBody):
    """The far end took us off hold."""

    type: Literal["call.resumed"] = "call.resumed"


class CallEnded(MessageBody):
    """The call is over; nothing follows."""

    type: Literal["call.ended"] = "call.ended"
    by: Literal["local", "remote", "failure"]
    cause: str
    status: int | None = None
    duration_ms: int = 0
    """From answer to end; 0 for a call that was never answered."""
    counters: dict[str, int] = Field(default_factory=dict)


class VoiceGranted(MessageBody):
    """The voice session is ready."""

    type: Literal["voice.granted"] = "voice.granted"
    epoch: int
    input_format: VoiceFormat
    output_format: VoiceFormat
    after_ms: int
    """From the request to open the session."""


class VoiceClosed(MessageBody):
    """The voice session ended, or never opened."""

    type: Literal["voice.closed"] = "voice.closed"
    epoch: int
    is_clean: bool
    reason: str


class VoiceRenewing(MessageBody):
    """Another session is being opened before the one in charge has to end."""

    type: Literal["voice.renewing"] = "voice.renewing"
    epoch: int
    """Of the new one."""


class VoiceLost(MessageBody):
    """The session in charge has ended in mid-call; the caller is asked for patience."""

    type: Literal["voice.lost"] = "voice.lost"
    epoch: int
    reason: str


class VoiceRestored(MessageBody):
    """Another session is in charge, and was told what could be carried over."""

    type: Literal["voice.restored"] = "voice.restored"
    epoch: int
    items: int
    """Of the conversation, that it was told."""
    estimated: tuple[int, ...] = ()
    """Which of them, counted from 0, are not known to the word: what was heard of words that were
    cut, and speech without a transcript."""
    audio_ms: int = 0
    """Of the caller, that it was given first."""
    audio_lost_ms: int = 0
    """Of him, that no session heard."""
    after_ms: int = 0
    """Since the session before it was lost; 0 where it was renewed in time."""


class AgentConfigured(MessageBody):
    """This agent has the call now."""

    type: Literal["agent.configured"] = "agent.configured"
    agent: str


class ResponseEnded(MessageBody):
    """A response ended; `status` is the server's word."""

    type: Literal["agent.response_ended"] = "agent.response_ended"
    response_id: str
    status: str
    reason: str = ""
    usage: dict[str, Any] = Field(default_factory=dict)


class CallerSpeechStarted(MessageBody):
    """The caller began to speak."""

    type: Literal["caller.speech_started"] = "caller.speech_started"
    item_id: str
    audio_start_ms: int


class CallerSpeechStopped(MessageBody):
    """The caller stopped speaking."""

    type: Literal["caller.speech_stopped"] = "caller.speech_stopped"
    item_id: str
    audio_end_ms: int


class CallerIdled(MessageBody):
    """The caller said nothing for as long as the agent's `idle_timeout_ms` allows."""

    type: Literal["caller.idled"] = "caller.idled"
    audio_start_ms: int
    audio_end_ms: int


class SpeechTranscribed(MessageBody):
    """What one side said, as text.

    An agent's text is all that the model meant to say: where an `item.truncated` or `item.deleted`
    names its item, before this row or after it, the caller heard less.
    """

    type: Literal["speech.transcribed"] = "speech.transcribed"
    role: Literal["caller", "agent"]
    item_id: str
    text: str
    is_cut: bool = False
    """Whether its item had been cut before this row: the end of the text was not heard."""


class ItemTruncatedAt(MessageBody):
    """The model's memory of an item was cut at what the caller was sent."""

    type: Literal["item.truncated"] = "item.truncated"
    item_id: str
    content_index: int
    audio_end_ms: int
    sent_samples: int
    """At the leg's rate, the fade included."""
    received_samples: int
    """0 where the provider plays: it does not say how much there was."""
    rate_hz: int
    estimated: bool = False
    """Whether the session that made the item is gone: the next one has its words as text, cut by
    the share of the audio that was sent."""


class ItemDeletedFromMemory(MessageBody):
    """An item of which the caller was sent nothing was removed."""

    type: Literal["item.deleted"] = "item.deleted"
    item_id: str
    received_samples: int
    """At the leg's rate; 0 where its response had been cut before its first audio came."""


class PlayoutFinished(MessageBody):
    """All queued audio was sent."""

    type: Literal["playout.finished"] = "playout.finished"


class DigitPressed(MessageBody):
    """A key of the caller's."""

    type: Literal["digit.pressed"] = "digit.pressed"
    digit: str
    method: Literal["rtp", "info", "inband", "provider"]


class KeysCollected(MessageBody):
    """Keys that make one entry: ended by # or by a pause."""

    type: Literal["keys.collected"] = "keys.collected"
    keys: str


class ToolRequested(MessageBody):
    """The model wants a function run; `GiveToolResult` answers."""

    type: Literal["tool.requested"] = "tool.requested"
    tool_call_id: str
    name: str
    arguments: str
    item_id: str = ""
    """Of the request, in the conversation."""


class ToolServed(MessageBody):
    """The provider called a tool of one of the agent's tool servers; texts are shortened."""

    type: Literal["tool.served"] = "tool.served"
    server: str
    name: str
    arguments: str
    output: str


class HostedActRequested(MessageBody):
    """The call wants something of its provider; `HostedActDone` answers."""

    type: Literal["hosted_act.requested"] = "hosted_act.requested"
    act: HostedAct
    target: str | None = None
    """Whom to refer the caller to."""


class TransferStarted(MessageBody):
    """The far end was asked to call the target."""

    type: Literal["transfer.started"] = "transfer.started"
    target: str


class TransferProgressed(MessageBody):
    """News of the call to the target."""

    type: Literal["transfer.progressed"] = "transfer.progressed"
    status: int
    reason: str


class TransferEnded(MessageBody):
    """What came of a transfer, in the words of `TransferOutcome`."""

    type: Literal["transfer.ended"] = "transfer.ended"
    target: str
    outcome: str
    status: int | None = None


class TransferRequested(MessageBody):
    """The far end asks us to call someone else in its place; `ReportTransfer` answers."""

    type: Literal["transfer.requested"] = "transfer.requested"
    target: str


class TroubleNoted(MessageBody):
    """Something went wrong and was dealt with: what, and whose fault."""

    type: Literal["trouble"] = "trouble"
    code: str
    fault: Literal["ours", "caller", "model", "tool", "configuration"]
    text: str


CallEventBody = Annotated[
    CallIncoming
    | CallPlaced
    | CallProgressed
    | CallAnswered
    | CallHeld
    | CallResumed
    | CallEnded
    | VoiceGranted
    | VoiceClosed
    | VoiceRenewing
    | VoiceLost
    | VoiceRestored
    | AgentConfigured
    | ResponseBegan
    | WordsAdded
    | AudioEnded
    | ResponseEnded
    | CallerSpeechStarted
    | CallerSpeechStopped
    | CallerIdled
    | SpeechTranscribed
    | ItemTruncatedAt
    | ItemDeletedFromMemory
    | PlayoutAdvanced
    | PlayoutFinished
    | ItemNoted
    | DigitPressed
    | KeysCollected
    | ToolRequested
    | ToolServed
    | HostedActRequested
    | TransferStarted
    | TransferProgressed
    | TransferEnded
    | TransferRequested
    | TroubleNoted,
    Field(discriminator="type"),
]


class CallEvent(BaseModel):
    """One row of a call's event log."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    call_id: str
    """Ours, of the whole call; it starts with the engine's id."""
    seq: int
    """Counts the rows of this call from 0, without a gap."""
    t_ns: int
    """Since the call's first row."""
    wall: float
    """Unix seconds."""
    payload: CallEventBody

    @property
    def type(self) -> str:
        """The payload's type."""
        return self.payload.type
