"""The tree of settings, each with its default and its meaning.

A field's docstring is its line in the generated reference. Values stay as they are written in the
file; properties next to them give what the program works with.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
)

from telephony.config.hosted import HostedSettings, StoreSettings
from telephony.config.secret import SecretReference
from telephony.config.section import SECTION

__all__ = [
    "AgentSettings",
    "HttpSettings",
    "LimitSettings",
    "LineSettings",
    "ListenAddress",
    "MediaSettings",
    "RealtimeSettings",
    "RecordSettings",
    "Settings",
    "SipSettings",
    "TransferSettings",
    "TrunkSettings",
]

LISTEN: Final = re.compile(r"(?:(udp|tcp):)?(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]]+)):([0-9]{1,5})")
PORTS: Final = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")
MAX_PORT: Final = 65_535
TARGET_PATTERN: Final = re.compile(r"(?:sips?|tel):[!#-;=?-~]+", re.IGNORECASE)
WILDCARD: Final = r"[A-Za-z0-9_.!~'()+%-]*"
"""What `*` in a transfer pattern stands for: nothing that begins a host, port or parameter."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A socket to open.

    Attributes:
        transport: "udp" or "tcp".
        host: An IP literal without brackets, or a name.
        port: 0 takes a free one.
    """

    transport: Literal["udp", "tcp"]
    host: str
    port: int


def _listen_addresses(text: str) -> tuple[ListenAddress, ...]:
    """Read "udp:HOST:PORT", "tcp:HOST:PORT", or "HOST:PORT" for both."""
    match = LISTEN.fullmatch(text)
    if match is None or int(match[4]) > MAX_PORT:
        raise ValueError('wanted "HOST:PORT", "udp:HOST:PORT" or "tcp:HOST:PORT"')
    host, port = match[2] or match[3], int(match[4])
    if match[1] == "udp":
        return (ListenAddress("udp", host, port),)
    if match[1] == "tcp":
        return (ListenAddress("tcp", host, port),)
    return ListenAddress("udp", host, port), ListenAddress("tcp", host, port)


def _check_listen(text: str) -> str:
    _listen_addresses(text)
    return text


def _as_list(value: object) -> object:
    """Take a single text for a list of it."""
    return (value,) if isinstance(value, str) else value


def _check_http_listen(text: str) -> str:
    if len(_listen_addresses(text)) == 1:
        raise ValueError('wanted "HOST:PORT"')
    return text


def _rtp_ports(text: str) -> range:
    """Read "LOW-HIGH" as the even ports with an odd one above them."""
    match = PORTS.fullmatch(text)
    if match is not None:
        low, high = int(match[1]), int(match[2])
        ports = range(low + low % 2, high, 2)
        if low > 0 and high <= MAX_PORT and ports:
            return ports
    raise ValueError('wanted "LOW-HIGH" with an even port and the odd one above it')


def _check_rtp_ports(text: str) -> str:
    _rtp_ports(text)
    return text


def _check_address(text: str) -> str:
    try:
        ip_address(text)
    except ValueError:
        raise ValueError("wanted an IP address") from None
    return text


def _check_network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        raise ValueError('wanted a network such as "192.0.2.0/24"') from None
    return text


def _check_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError("wanted a ws:// or wss:// URL") from None
    if parts.scheme not in ("ws", "wss") or not parts.hostname or not port_is_right:
        raise ValueError("wanted a ws:// or wss:// URL")
    if "@" in parts.netloc:
        raise ValueError("wanted no user or password in it: a key goes into api_key")
    return text


def _check_target(text: str) -> str:
    if TARGET_PATTERN.fullmatch(text) is None:
        raise ValueError("wanted a sip:, sips: or tel: URI")
    return text


NAME: Final = r"^[A-Za-z0-9_-]{1,52}$"
LINE_NUMBER: Final = r"^(?:\*|[+*]?[A-Za-z0-9_.#-]{1,64}\*?)$"
"""A whole number, a prefix with `*` behind it, or `*`; `*72` is a number as others are."""
HEADER_NAME: Final = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$"
"""A token (RFC 9110 section 5.6.2)."""
HEADER_VALUE: Final = r"^[!-~](?:[ -~]{0,998}[!-~])?$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
"""As in a function's name, with room for the prefix of a handoff."""
_Texts = Annotated[tuple[str, ...], Field(min_length=1)]
Network = Annotated[str, AfterValidator(_check_network)]
Target = Annotated[str, AfterValidator(_check_target)]


class _Section(BaseModel):
    model_config = SECTION


class SipSettings(_Section):
    """How calls reach us."""

    listen: Annotated[
        tuple[Annotated[str, AfterValidator(_check_listen)], ...],
        Field(min_length=1),
        BeforeValidator(_as_list, json_schema_input_type=str | _Texts),
    ] = ("127.0.0.1:5060",)
    """Where SIP is listened for: `udp:HOST:PORT`, `tcp:HOST:PORT`, or `HOST:PORT` for both; one,
    or a list of them. Port 0 takes a free one."""
    advertise: Annotated[str, AfterValidator(_check_address)] | None = None
    """The IP address that others are told, in Via, Contact and SDP, where it is not the one
    listened on."""
    rtp_ports: Annotated[str, AfterValidator(_check_rtp_ports)] = "16384-32767"
    """The UDP ports for audio, as `LOW-HIGH`. A call takes an even one and the next."""

    @property
    def listen_addresses(self) -> tuple[ListenAddress, ...]:
        """The sockets to open, each once, in the order written."""
        found = [address for text in self.listen for address in _listen_addresses(text)]
        return tuple(dict.fromkeys(found))

    @property
    def rtp_port_range(self) -> range:
        """The even ports to choose RTP's from; RTCP has the one above."""
        return _rtp_ports(self.rtp_ports)


class HttpSettings(_Section):
    """The web server: health, metrics, calls."""

    listen: Annotated[str, AfterValidator(_check_http_listen)] = "127.0.0.1:8080"
    """Where HTTP is listened for, as `HOST:PORT`. Port 0 takes a free one."""
    token: SecretReference | None = None
    """What requests must show as `Authorization: Bearer TOKEN`, for all but `/healthz`. Without it
    only this machine is listened to."""

    @property
    def listen_address(self) -> ListenAddress:
        """The socket to open."""
        return _listen_addresses(f"tcp:{self.listen}")[0]


class RealtimeSettings(_Section):
    """A server of voice models. With none, the embedded server answers, without a key."""

    url: Annotated[str, AfterValidator(_check_url)]
    """Where it listens: a `ws://` or `wss://` URL."""
    model: str | None = None
    """The model to ask for, where an agent names none; on Azure the deployment."""
    dialect: Literal["generic", "openai", "azure", "xai", "localai", "speaches"] = "generic"
    """Whose Realtime protocol it speaks: how the key is shown, where a URL without a path leads,
    how a session is written, and what it cannot do."""
    format: Literal["leg", "pcmu", "pcma", "pcm"] = "leg"
    """The audio to ask for; `leg` takes the caller's G.711 as it is, and `pcm` for other codecs."""
    turns: Literal["server"] = "server"
    """Who decides that the caller began and ended to speak."""
    api_key: SecretReference | None = None
    """The key it is opened with."""
    key_header: Annotated[str, StringConstraints(pattern=HEADER_NAME)] | None = None
    """The header that holds the key and nothing else, where the dialect's own will not do."""
    headers: dict[
        Annotated[str, StringConstraints(pattern=HEADER_NAME)],
        Annotated[str, StringConstraints(pattern=HEADER_VALUE)],
    ] = {}
    """Other headers that it is opened with. A key does not belong here: it goes into `api_key`."""
    transcribe_with: str | None = None
    """The model that transcribes the caller, for the transcript; without it there are no words of
    his. A session that follows another in mid-call then learns only for how long he spoke."""
    ping_s: Annotated[float, Field(ge=0, le=600)] = 20.0
    """How often the connection is tried with a ping while a call is up, in seconds; 0 sends none.
    Proxies cut what is silent for a minute or more."""
    pong_s: Annotated[float, Field(gt=0, le=60)] = 10.0
    """After a ping, how long the server may say nothing before the session counts as lost, in
    seconds."""
    on_failure: Annotated[str, AfterValidator(_check_target)] | None = None
    """Where the caller is transferred to when the session is lost, after an apology; without it the
    call ends."""


class MediaSettings(_Section):
    """The sound of calls."""

    far_buffer_ms: Annotated[int, Field(ge=0, le=1000)] = 40
    """How long the far end is taken to buffer our audio where it does not say so."""
    reorder_wait_ms: Annotated[int, Field(ge=0, le=500)] = 60
    """How long a missing packet is waited for before it is concealed."""
    starvation_fill_ms: Annotated[int, Field(ge=20, le=5000)] = 400
    """After how long without packets the model is given silence."""
    starvation_fill_dtx_ms: Annotated[int, Field(ge=20, le=5000)] = 100
    """The same for a caller who has been seen to stop sending when silent."""
    nat: bool = False
    """Whether audio is also taken from where the signalling came from, for callers behind NAT."""
    media_networks: tuple[Network, ...] = ()
    """Networks that audio is also taken from: the media servers of a trunk."""


class LimitSettings(_Section):
    """How much is taken on."""

    calls: Annotated[int, Field(ge=1, le=100_000)] = 280
    """Calls at once; one more is answered 503. 280 is what a core holds at 70 %."""
    ring_s: Annotated[float, Field(gt=0, le=180)] = 60.0
    """How long a call of ours may ring, in seconds."""
    call_s: Annotated[int, Field(ge=10, le=86_400)] = 14_400
    """How long a call may last, in seconds; then it is hung up. It bounds what a call can cost."""
    session_grant_s: Annotated[float, Field(gt=0, le=30)] = 3.0
    """How long an incoming call rings for the voice model to be ready, in seconds; then it is
    answered all the same."""


class TransferSettings(_Section):
    """Where calls may be transferred to."""

    allow: tuple[Target, ...] = ()
    """Targets, as whole URIs in which `*` stands for letters, digits and `.!~'()+%_-`:
    `sip:*@pbx.example.com`, `tel:+1555*`."""

    def allows(self, target: str) -> bool:
        """Tell whether a target fits one of the patterns.

        Args:
            target: A URI without angle brackets. Its parameters and headers count: a pattern
                without them lets none through, for they could send the call elsewhere.
        """
        return any(_pattern(allowed).fullmatch(target) for allowed in self.allow)


def _pattern(allowed: str) -> re.Pattern[str]:
    """Make the expression of one transfer pattern."""
    return re.compile(WILDCARD.join(map(re.escape, allowed.split("*"))), re.IGNORECASE)


class RecordSettings(_Section):
    """What is kept of calls."""

    directory: Path | None = None
    """The directory that each call's event log is written into, as `CALL_ID.jsonl`; without it none
    is."""


class TrunkSettings(_Section):
    """Somebody who may send us calls from beyond this machine."""

    name: Name
    """Names it in logs."""
    networks: Annotated[tuple[Network, ...], Field(min_length=1)]
    """The networks its calls come from."""


class LineSettings(_Section):
    """A number that is answered."""

    number: Annotated[str, StringConstraints(pattern=LINE_NUMBER)]
    """The number or user name dialled, `+1555*` for all that begin so, or `*` for any. The first
    line that fits answers."""
    agent: Name
    """The agent that answers, from the file or from Python."""


class AgentSettings(_Section):
    """An agent without tools of its own; agents with tools are declared in Python."""

    instructions: str = ""
    """What the model is told to be and do."""
    greeting: str | None = None
    """The first words of a call."""
    filler_after_ms: Annotated[int, Field(ge=500, le=30_000)] = 2_000
    """How long a tool or the model may leave the caller in silence before a word of patience."""
    handoffs: tuple[Name, ...] = ()
    """Agents it may hand the call to."""
    transfers: dict[Name, Target] = {}
    """Names and URIs of people it may transfer the caller to."""
    voice: str | None = None
    """The model's voice, where the server's choice will not do."""
    realtime: Name | None = None
    """The `[realtime.NAME]` that speaks for it; the first of the file by default."""
    prompt: dict[str, str] | None = None
    """A prompt kept at the provider: its `id`, and its `version` if wanted."""
    max_output_tokens: Annotated[int, Field(ge=1, le=4096)] | None = None
    """How long one response may be, its audio included."""
    tool_choice: str | None = None
    """`auto`, `none`, `required`, or the name of a function that is always called."""
    parallel_tool_calls: bool | None = None
    """Whether one response may call several functions."""
    reasoning: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None
    """How much a model that reasons does so before it speaks."""
    truncation: Literal["auto", "disabled"] | None = None
    """Whether the model forgets the oldest words when its memory is full, or fails."""
    retention_ratio: Annotated[float, Field(ge=0, le=1)] | None = None
    """In place of `truncation`: the share of its memory that the model keeps then."""
    speed: Annotated[float, Field(ge=0.25, le=1.5)] | None = None
    """The speed of the voice."""
    noise_reduction: Literal["near_field", "far_field"] | None = None
    """For a caller with the mouthpiece at his lips, or across the room."""
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    """Ends the caller's turn by what he says, this soon; without it silence ends it."""
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    """How loud speech has to be."""
    prefix_padding_ms: Annotated[int, Field(ge=0, le=5000)] | None = None
    """Audio before the detected start of speech that belongs to it."""
    idle_timeout_ms: Annotated[int, Field(ge=1000, le=600_000)] | None = None
    """After so much silence of the caller the model asks after him."""
    tracing: Literal["auto"] | None = None
    """Lets the provider keep a trace, which holds the caller's words."""


class Settings(_Section):
    """Everything that can be set."""

    version: Literal[1]
    """The version of this format; it opens every file."""
    sip: SipSettings = SipSettings()
    http: HttpSettings = HttpSettings()
    realtime: dict[Name, RealtimeSettings] = {}
    hosted: dict[Name, HostedSettings] = {}
    store: StoreSettings = StoreSettings()
    media: MediaSettings = MediaSettings()
    limits: LimitSettings = LimitSettings()
    transfer: TransferSettings = TransferSettings()
    record: RecordSettings = RecordSettings()
    trunk: tuple[TrunkSettings, ...] = ()
    line: tuple[LineSettings, ...] = ()
    agent: dict[Name, AgentSettings] = {}
