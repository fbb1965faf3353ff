"""`telephony call`: places one call, and plays a file, records the answer, or lets an agent talk.

The engine runs in this process: one call, and nothing else to disturb. A call without a time limit
ends when its file was played, any other when the far end hangs up.
"""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from telephony.agent import Agent
from telephony.app.children import embedded_server
from telephony.app.configured import (
    Configured,
    configure,
    default_config,
    engine_settings,
    load_agent,
)
from telephony.app.phone import Phone
from telephony.app.recording import CallRecorder
from telephony.app.softphone import CallOverError, PhoneCall, Softphone
from telephony.app.switchboard import Switchboard
from telephony.app.tool_runtime import ToolRuntime
from telephony.call import (
    CallAnswered,
    CallEnded,
    CallEvent,
    CallPlaced,
    CallProgressed,
    DigitPressed,
    HangUp,
    ItemTruncatedAt,
    PlaceCall,
    PlayAudio,
    PlayoutFinished,
    SendDigits,
    SpeechTranscribed,
    TroubleNoted,
    VoiceRestored,
)
from telephony.config import Settings, load
from telephony.engine.log import configure_log
from telephony.engine.settings import EngineSettings, SipListen
from telephony.errors import ConfigurationError, TelephonyError, TransportError
from telephony.sip import SipSyntaxError, SipUri, parse_uri
from telephony_codecs import WavEncoding, WavError, decode_pcma, decode_pcmu, encode_pcmu, parse_wav
from telephony_codecs.resample import Resampler

__all__ = ["CallOptions", "CallOutcome", "call", "place_call", "read_audio"]

RATE_HZ = 8_000
MAX_PLAY_SECONDS = 600
"""The playout of a leg holds no more."""
DEFAULT_SIP_PORT = 5060
DIGITS = re.compile(r"[0-9*#A-Da-d]*")
EXIT_OK, EXIT_FAILED, EXIT_CONFIGURATION = 0, 1, 2
STILL_SECONDS = 5.0
"""After so long without an answer, and again, it is said that the call is still being tried."""
RINGING, UNREACHABLE = 180, 503

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class CallOptions:
    """What the command line says."""

    target: str
    play: Path | None = None
    record: Path | None = None
    agent: str | None = None
    """`MODULE:NAME`, or the name of a configured agent, or `reception`."""
    duration_s: float | None = None
    digits: str = ""
    config: Path | None = None


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How the call went."""

    is_answered: bool
    ended: CallEnded
    recorded: Path | None

    @property
    def ok(self) -> bool:
        """Whether it was answered and ended as calls do."""
        return self.is_answered and self.ended.by != "failure"

    @property
    def is_unreachable(self) -> bool:
        """Whether the 503 is our own: the INVITE reached nobody (RFC 3261 8.1.3.1)."""
        return (self.ended.by, self.ended.status) == ("failure", UNREACHABLE)

    def as_json(self) -> dict[str, object]:
        """Give it as `--json` prints it."""
        return {
            "ok": self.ok,
            "answered": self.is_answered,
            "status": self.ended.status,
            "by": self.ended.by,
            "cause": self.ended.cause,
            "duration_ms": self.ended.duration_ms,
            "recorded": None if self.recorded is None else str(self.recorded),
            "error": None if self.ok else self.line(),
        }

    def line(self) -> str:
        """Say it in one line."""
        if not self.is_answered and self.is_unreachable:
            return "not answered: nobody listens there"
        if not self.is_answered:
            status = "" if self.ended.status is None else f"{self.ended.status} "
            return f"not answered: {status}{self.ended.cause}"
        seconds = self.ended.duration_ms / 1000
        return f"ended after {seconds:.1f} s by {self.ended.by}: {self.ended.cause}"


def read_audio(path: Path) -> bytes:
    """Read a WAV file of any usual rate, mono or more, as mu-law at 8,000 Hz.

    Raises:
        ConfigurationError: It cannot be read, or is no such file, or is too long.
    """
    try:
        wav = parse_wav(path.read_bytes())
    except OSError as failed:
        raise ConfigurationError(f"{path}: {failed.strerror}") from failed
    except WavError as wrong:
        raise ConfigurationError(f"{path}: {wrong}") from wrong
    pcm16 = wav.octets
    if wav.encoding is not WavEncoding.PCM16:
        pcm16 = (decode_pcmu if wav.encoding is WavEncoding.PCMU else decode_pcma)(wav.octets)
    if len(pcm16) // (2 * wav.channels) > MAX_PLAY_SECONDS * wav.rate_hz:
        raise ConfigurationError(f"{path} is longer than {MAX_PLAY_SECONDS} s")
    if wav.channels > 1:
        frames: Samples = np.frombuffer(pcm16, "<i2").reshape(-1, wav.channels)
        pcm16 = np.rint(frames.mean(axis=1)).astype("<i2").tobytes()
    if wav.rate_hz != RATE_HZ:
        resampler = Resampler(wav.rate_hz, RATE_HZ)
        pcm16 = resampler.convert(pcm16) + resampler.flush()
    return encode_pcmu(pcm16)


def call(options: CallOptions, *, as_json: bool) -> int:
    """Place the call, say how it goes, and say how it went.

    Args:
        options: What to do.
        as_json: Print one JSON object at the end, whatever happens, and nothing before.

    Returns:
        The exit status: 0; 1 where it was not answered or broke off; 2, with `as_json`, where an
        option cannot be carried out.

    Raises:
        ConfigurationError: An option cannot be carried out; not with `as_json`.
        TransportError: No socket, or no embedded server; not with `as_json`.
    """
    configure_log(only_warnings=True)
    if as_json:
        said, status = _placed_silently(options)
        _print(json.dumps(said))
        return status
    outcome = asyncio.run(place_call(options, _tell, _print))
    _print(outcome.line())
    return EXIT_OK if outcome.ok else EXIT_FAILED


def _placed_silently(options: CallOptions) -> tuple[dict[str, object], int]:
    """Place the call, and give what to say of it and the exit status, whatever happens."""
    try:
        outcome = asyncio.run(place_call(options, _discard, _discard))
    except TelephonyError as failed:
        said: dict[str, object] = {
            "ok": False,
            "answered": False,
            "status": None,
            "by": None,
            "cause": None,
            "duration_ms": 0,
            "recorded": None,
            "error": str(failed),
        }
        return said, EXIT_CONFIGURATION if isinstance(failed, ConfigurationError) else EXIT_FAILED
    return outcome.as_json(), EXIT_OK if outcome.ok else EXIT_FAILED


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _discard(_said: object) -> None:
    """Say nothing: a program reads the end."""


def _tell(row: CallEvent) -> None:
    """Say what a row means to whoever placed the call."""
    say = _print
    match row.payload:
        case CallPlaced(target=target):
            say(f"calling {target}")
        case CallProgressed(status=status, reason=reason):
            say(f"{status} {reason}")
        case CallAnswered(codec=codec, ptime_ms=ptime_ms, remote=remote):
            say(f"answered: {codec}, {ptime_ms} ms, {remote}")
        case SpeechTranscribed(role=role, text=text, is_cut=is_cut):
            who, end = "agent" if role == "agent" else "far end", " [cut]" if is_cut else ""
            say(f"{who}: {text}{end}")
        case ItemTruncatedAt(audio_end_ms=heard_ms):
            say(f"agent interrupted: {heard_ms / 1000:.1f} s of it were heard")
        case DigitPressed(digit=digit):
            say(f"far end pressed {digit}")
        case VoiceRestored(after_ms=after_ms) if after_ms:
            say(f"another voice session goes on, {after_ms / 1000:.1f} s after the last")
        case TroubleNoted(code=code, text=text):
            say(f"trouble: {code}: {text}")
        case _:
            pass


async def place_call(
    options: CallOptions, on_row: Callable[[CallEvent], None], say: Callable[[str], None]
) -> CallOutcome:
    """Place one call and see it to its end.

    Args:
        options: What to do.
        on_row: Is shown each row of the call's event log.
        say: Takes a line now and then, while nothing else happens.

    Raises:
        ConfigurationError: An option cannot be carried out.
        TransportError: No socket, or no embedded server.
    """
    _check(options)
    audio = read_audio(options.play) if options.play is not None else b""
    settings = load(options.config or default_config(), os.environ, {}, agents=None)
    recorder = CallRecorder() if options.record is not None else None
    async with AsyncExitStack() as stack:
        phone = Softphone(await _engine_settings(settings, options.target), lambda _id: recorder)
        await stack.enter_async_context(phone)
        phone.watch(on_row)
        if options.agent is None:
            placed = phone.place(PlaceCall(target=options.target))
        else:
            placed = await _place_with_agent(stack, phone, settings, options)
        stack.enter_context(_hanging_up_on_signals(placed))
        stack.push_async_callback(_end, asyncio.ensure_future(_say_what_it_waits_for(placed, say)))
        is_answered = await _see_through(placed, options, audio)
    if recorder is not None and options.record is not None and is_answered:
        options.record.write_bytes(recorder.wav())
    ended = placed.ended
    assert ended is not None
    return CallOutcome(is_answered, ended, options.record if is_answered else None)


def _check(options: CallOptions) -> None:
    """Refuse before the call what could not be done in it.

    Raises:
        ConfigurationError: An option cannot be carried out.
    """
    if options.agent is not None and options.play is not None:
        raise ConfigurationError("--play and --agent: one of them speaks, not both")
    if DIGITS.fullmatch(options.digits) is None:
        raise ConfigurationError(f"--digits is {options.digits!r}, wanted 0-9, *, #, A-D")
    if options.record is not None:
        folder = options.record.parent
        if options.record.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise ConfigurationError(
                f"--record is {str(options.record)!r}, wanted a file in a folder that we can write"
                " to"
            )


async def _say_what_it_waits_for(placed: PhoneCall, say: Callable[[str], None]) -> None:
    """Say now and then that the call is being tried, or rings, until it is answered or over."""
    seconds = 0.0
    while True:
        await asyncio.sleep(STILL_SECONDS)
        seconds += STILL_SECONDS
        rows = [row.payload for row in placed.rows]
        if any(isinstance(one, CallAnswered | CallEnded) for one in rows):
            return
        is_ringing = any(isinstance(one, CallProgressed) and one.status >= RINGING for one in rows)
        say(f"{'ringing' if is_ringing else 'trying'} for {seconds:g} s...")


async def _end(task: "asyncio.Future[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _engine_settings(settings: Settings, target: str) -> EngineSettings:
    """Listen on a free port of the address from which the target is reached."""
    try:
        uri = parse_uri(target)
    except SipSyntaxError as wrong:
        raise ConfigurationError(
            f"URI is {target!r}, wanted one such as sip:200@pbx.example.com: {wrong}"
        ) from wrong
    if not isinstance(uri, SipUri) or uri.scheme != "sip":
        raise ConfigurationError(f"URI is {target!r}, wanted a sip: URI")
    host = await _local_host(uri.host.strip("[]"), uri.port or DEFAULT_SIP_PORT)
    listens = tuple(SipListen(transport=name, host=host, port=0) for name in ("UDP", "TCP"))
    return engine_settings(settings).model_copy(update={"sip": listens})


async def _local_host(host: str, port: int) -> str:
    """Give the address of ours that packets to a host leave from; none is sent.

    Raises:
        TransportError: The name has no address, or no way leads there.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        family, _, _, _, address = found[0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)
            return str(probe.getsockname()[0])
    except OSError as failed:
        raise TransportError(f"no way to {host}: {failed.strerror}") from failed


async def _place_with_agent(
    stack: AsyncExitStack, phone: Softphone, settings: Settings, options: CallOptions
) -> PhoneCall:
    """Place the call with the agent's plan; its tools run here, as they do in `serve`."""
    configured, agent = _find_agent(settings, options.agent or "")
    embedded_url = None
    if configured.needs_embedded_server:
        embedded = embedded_server()
        stack.push_async_callback(embedded.stop)
        embedded_url = str((await embedded.start())["url"])
    tools = ToolRuntime()
    stack.callback(tools.close)
    switchboard = Switchboard(
        configured.lines,
        configured.agents,
        configured.plans(embedded_url, os.environ),
        tools,
        phone.send,
        may_transfer=configured.may_transfer,
    )
    phone.watch(switchboard.handle_event)
    placed = phone.new_call()
    switchboard.place(placed.call_id, options.target, agent)
    return placed


def _find_agent(settings: Settings, spec: str) -> tuple[Configured, Agent]:
    """Find the agent that shall talk; lines are for calls that come in, and do not matter."""
    phone, name = None, spec
    if ":" in spec:
        agent = load_agent(spec)
        phone, name = Phone(), agent.name
        phone.answer("*", agent)
    elif settings.agent:
        phone = Phone()
    configured = configure(settings.model_copy(update={"line": ()}), phone, None)
    found = configured.agents.get(name)
    if not isinstance(found, Agent):
        ours = (one.name for one in configured.agents.values() if isinstance(one, Agent))
        known = ", ".join(sorted(ours))
        raise ConfigurationError(f"--agent is {spec!r}, wanted MODULE:NAME or one of {known}")
    return configured, found


@contextmanager
def _hanging_up_on_signals(placed: PhoneCall) -> Generator[None]:
    """Let an interrupt end the call, and the call end the program."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, placed.command, HangUp(cause="interrupted"))
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def _see_through(placed: PhoneCall, options: CallOptions, audio: bytes) -> bool:
    """Do in the call what was asked for, and wait for its end; say whether it was answered."""
    try:
        await placed.next(CallAnswered)
    except CallOverError:
        return False
    acting = asyncio.ensure_future(_act(placed, options, audio))
    await placed.next(CallEnded)
    await _end(acting)
    return True


async def _act(placed: PhoneCall, options: CallOptions, audio: bytes) -> None:
    """Press the keys, play the file, and hang up when it is time."""
    if options.digits:
        placed.command(SendDigits(digits=options.digits))
    if audio:
        placed.command(PlayAudio(audio=audio))
    if options.duration_s is not None:
        await asyncio.sleep(options.duration_s)
    elif audio:
        await placed.next(PlayoutFinished)
    else:
        return
    placed.command(HangUp())
