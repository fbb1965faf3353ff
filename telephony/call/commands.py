"""What the app may ask of a call: the messages that go down to the engine."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from telephony.call.agent_commands import AddWords, InterruptAgent
from telephony.call.body import MessageBody
from telephony.voice import ModelOptions, ToolServer, VoiceFormat

__all__ = [
    "AnswerCall",
    "AttachHosted",
    "CallCommand",
    "CallCommandBody",
    "ConfigureAgent",
    "GiveToolResult",
    "HangUp",
    "HostedAct",
    "HostedActDone",
    "PlaceCall",
    "PlayAudio",
    "ReceiveHosted",
    "RedirectCall",
    "RejectCall",
    "ReportTransfer",
    "RingCall",
    "SendDigits",
    "StartTransfer",
    "ToolDeclared",
    "VoicePlan",
]


class ToolDeclared(MessageBody):
    """A function that the model may call."""

    name: str
    description: str
    parameters: dict[str, Any]


class VoicePlan(MessageBody):
    """Where a call's voice session is and what it is asked to be."""

    url: str
    headers: tuple[tuple[str, str], ...] = Field(default=(), repr=False)
    """Sent with the WebSocket handshake; they may hold a key, so they never appear in a log."""
    dialect: str = "generic"
    """How the server speaks the protocol: the name of a profile."""
    attach_to: str | None = None
    """The provider's name of a call that it holds: its session is joined, and none is opened."""
    agent: str
    instructions: str = ""
    tools: tuple[ToolDeclared, ...] = ()
    tool_servers: tuple[ToolServer, ...] = ()
    audio_format: VoiceFormat | None = None
    """None follows the leg: `pcmu` or `pcma` for G.711."""
    model: str | None = None
    voice: str | dict[str, Any] | None = None
    """Its name, or the server's own object for one."""
    silence_ms: int = 500
    transcribe_with: str | None = None
    options: ModelOptions = ModelOptions()
    provider_fields: dict[str, Any] = Field(default_factory=dict)
    """Of `SessionSettings`: what goes to the server as it is."""
    may_be_interrupted_by_keys: bool = True
    truncate_at: Literal["sent", "reacted"] = "sent"
    filler_after_ms: int = 2_000
    """Silence of a tool that works or a model that thinks, before a word of patience."""
    greeting: str | None = None
    """Instructions for the first response; None leaves it to the session's own instructions."""
    ping_seconds: float = 20
    """Between two pings on the session's WebSocket; 0 sends none."""
    pong_seconds: float = 10
    """After a ping, for the server to say anything at all before the session counts as lost."""
    on_failure: str | None = None
    """Target to transfer to when the session is lost, after the apology; None hangs up."""
    is_followed: bool = False
    """Whether rows say how the agent's words go on (`progress_rows`): for who conducts it."""


class AnswerCall(MessageBody):
    """Take the call; without a plan it has no agent, and plays and records only."""

    type: Literal["answer"] = "answer"
    plan: VoicePlan | None = None


HostedAct = Literal["refer", "hang_up"]
"""What a hosted call asks of its provider; the requests themselves are the app's to make."""


class ReceiveHosted(MessageBody):
    """Make a call of one that a provider holds, and has told us of; the app names it."""

    type: Literal["receive_hosted"] = "receive_hosted"
    hosted_id: str = Field(min_length=1)
    """The provider's name of the call: what its session is attached by."""
    server: str
    """Name of the settings that the call came by, `hosted.NAME`."""
    number: str
    """What was dialled, as far as the provider's headers tell."""
    caller: str = ""
    caller_name: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """SIP header fields that the provider told of, in order: text of the caller's, untrusted."""


class AttachHosted(MessageBody):
    """Join the session of a hosted call that the provider has accepted.

    The plan's model, voice and audio format were settled at the acceptance: none of them is sent.
    """

    type: Literal["attach_hosted"] = "attach_hosted"
    plan: VoicePlan


class HostedActDone(MessageBody):
    """Say what the provider made of a `HostedActRequested`."""

    type: Literal["hosted_act_done"] = "hosted_act_done"
    act: HostedAct
    status: int | None = None
    """Of its answer over HTTP; None where there was none."""
    reason: str = ""


class RejectCall(MessageBody):
    """Refuse the call."""

    type: Literal["reject"] = "reject"
    status: int = 603
    reason: str | None = None


class RedirectCall(MessageBody):
    """Send the caller elsewhere, with 302."""

    type: Literal["redirect"] = "redirect"
    contact: str


class RingCall(MessageBody):
    """Say 180 and go on thinking."""

    type: Literal["ring"] = "ring"
    seconds: float = Field(default=0, ge=0, le=180)
    """That it may take before a decision, beyond what any call gets."""


class PlaceCall(MessageBody):
    """Call someone. Without a plan the call has no agent, and plays and records only."""

    type: Literal["place"] = "place"
    target: str
    caller: str = ""
    plan: VoicePlan | None = None
    accepts_refer: bool = False
    """Whether the far end may send this call elsewhere; for callers that act, not for agents."""


class ConfigureAgent(MessageBody):
    """Hand the call to another agent in the same session."""

    type: Literal["configure"] = "configure"
    plan: VoicePlan


class GiveToolResult(MessageBody):
    """Answer a `ToolRequested`."""

    type: Literal["tool_result"] = "tool_result"
    tool_call_id: str
    output: str
    respond: bool = True


class StartTransfer(MessageBody):
    """Send the caller to someone else, once the queued words were sent."""

    type: Literal["transfer"] = "transfer"
    target: str


class ReportTransfer(MessageBody):
    """Tell the far end, which asked for a transfer, how our call to its target goes.

    The first report decides: 300 and above refuses the transfer, anything else takes it on.
    """

    type: Literal["report_transfer"] = "report_transfer"
    status: int = Field(ge=100, le=699)


class HangUp(MessageBody):
    """End the call."""

    type: Literal["hang_up"] = "hang_up"
    after_words: bool = False
    """Let the queued words go out first, bounded."""
    cause: str = "hung up"


class SendDigits(MessageBody):
    """Press keys towards the far end (RFC 4733)."""

    type: Literal["digits"] = "digits"
    digits: str
    tool_call_id: str | None = None
    """Of the model's call that asks for them; the model is told what came of it."""


class PlayAudio(MessageBody):
    """Play audio of our own; PCMU, base64."""

    type: Literal["play"] = "play"
    audio: bytes

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64"
    )


CallCommandBody = Annotated[
    AnswerCall
    | ReceiveHosted
    | AttachHosted
    | HostedActDone
    | RejectCall
    | RedirectCall
    | RingCall
    | PlaceCall
    | ConfigureAgent
    | GiveToolResult
    | InterruptAgent
    | AddWords
    | StartTransfer
    | ReportTransfer
    | HangUp
    | SendDigits
    | PlayAudio,
    Field(discriminator="type"),
]


class CallCommand(BaseModel):
    """One command for one call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    call_id: str
    """Of the call; for `PlaceCall` and `ReceiveHosted` any token of the app's, which names the new
    call."""
    body: CallCommandBody
