"""Drives headless baresip 1.0, an independent softphone, over its control port on loopback.

The control port speaks netstrings of JSON: commands with a token, their answers, and events.
Each phone lives in a temporary folder with its configuration, its log and its recordings.
"""

import json
import re
import select
import socket
import subprocess
import tempfile
import time
import wave
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from tests.support.child import end
from tests.support.patience import PATIENCE_SECONDS
from tests.support.ports import LOOPBACK, free_port, free_range
from tests.support.tools import missing_program

QUIT_SECONDS = 1.0
"""It does not always obey `quit`; then it is terminated."""
RTP_PORTS = 20
SILENCE_SECONDS = 120
MODULE_FOLDERS = ("/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules")
_METER = re.compile(r"\s*\[[\d:]+\] audio=\S+ \(bit/s\)\s*")
PCMU, PCMA = "PCMU/8000/1", "PCMA/8000/1"


def missing_reason() -> str | None:
    """Say why no phone can be started here; None when one can."""
    return missing_program("baresip")


class BaresipError(AssertionError):
    """The phone did not start, or an event did not come in time."""


@dataclass(frozen=True, slots=True)
class Phone:
    """How a phone is set up.

    Attributes:
        user: The user part of its address.
        codecs: What it offers, in order of preference: `PCMU`, `PCMA`.
        ptime_ms: Packet time it sends with.
        answers: "auto" answers at once, "manual" rings until `accept`.
        source: A mono 16-bit wav of 8,000 Hz that it plays; the call ends where the file ends.
            None plays silence.
        echoes: Plays back what it hears, instead of the source.
        transport: "udp" or "tcp".
    """

    user: str = "phone"
    codecs: tuple[str, ...] = (PCMU, PCMA)
    ptime_ms: int = 20
    answers: str = "auto"
    source: Path | None = None
    echoes: bool = False
    transport: str = "udp"


class Baresip:
    """One phone; use it as a context manager."""

    def __init__(self, phone: Phone | None = None) -> None:
        self.phone = phone or Phone()
        self.sip_port = free_port(2)  # it takes the one above for TLS
        first = free_range(RTP_PORTS)
        self.rtp_ports = range(first, first + RTP_PORTS)
        self.events: list[dict[str, Any]] = []
        self._open = ExitStack()
        self._folder = Path()
        self._waited: dict[str, int] = {}
        self._buffer = b""
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def uri(self) -> str:
        """Its address, to dial."""
        suffix = "" if self.phone.transport == "udp" else f";transport={self.phone.transport}"
        return f"sip:{self.phone.user}@{LOOPBACK}:{self.sip_port}{suffix}"

    def all_packets(self) -> str:
        """Say, for tcpdump, which UDP packets are to it or from it."""
        media = f"portrange {self.rtp_ports[0]}-{self.rtp_ports[-1]}"
        return f"udp and (port {self.sip_port} or {media})"

    def __enter__(self) -> Self:
        self._folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="phone")))
        control_port = free_port()
        self._configure(control_port)
        log: IO[bytes] = self._open.enter_context((self._folder / "log").open("wb"))
        self._process = subprocess.Popen(
            ["baresip", "-4", "-s", "-f", str(self._folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            self._control = self._connect(control_port)
        except BaresipError:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def dial(self, uri: str) -> None:
        """Call an address."""
        self._command("dial", uri)

    def accept(self) -> None:
        """Answer the call that rings."""
        self._command("accept")

    def hangup(self) -> None:
        """End the current call."""
        self._command("hangup")

    def hold(self) -> None:
        """Put the current call on hold."""
        self._command("hold")

    def resume(self) -> None:
        """Take the current call back from hold."""
        self._command("resume")

    def press(self, digits: str) -> None:
        """Send digits as telephone events (RFC 4733), one after another."""
        self._command("sndcode", digits)

    def transfer(self, uri: str) -> None:
        """Transfer the current call blindly (RFC 3515)."""
        self._command("transfer", uri)

    def wait_for(self, kind: str, timeout_seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait for the next event of a kind, such as CALL_ESTABLISHED; each is given once."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            of_kind = [event for event in self.events if event["type"] == kind]
            already = self._waited.get(kind, 0)
            if len(of_kind) > already:
                self._waited[kind] = already + 1
                return of_kind[already]
            if not self._pump(deadline - time.monotonic()):
                seen = [event["type"] for event in self.events]
                raise BaresipError(f"{self.phone.user} saw no {kind}, only {seen}\n{self.log()}")

    def event_types(self) -> list[str]:
        """Name the events so far, in order."""
        while self._pump(0.0):
            pass
        return [event["type"] for event in self.events]

    def received_audio(self) -> list[Path]:
        """Give the recordings of what it heard, one wav a call, oldest first."""
        return sorted(self._folder.glob("recordings/*-dec.wav"))

    def sent_audio(self) -> list[Path]:
        """Give the recordings of what it said, one wav a call, oldest first."""
        return sorted(self._folder.glob("recordings/*-enc.wav"))

    def log(self) -> str:
        """Give its log, every SIP message in and out included, without the running meter."""
        return _METER.sub("", (self._folder / "log").read_text(errors="replace"))

    def stop(self) -> None:
        """End it, by request, then by force; the folder goes with it."""
        self.stop_keeping_audio()
        self._open.close()

    def stop_keeping_audio(self) -> None:
        """End it; its recordings are whole now, and stay until `stop`."""
        if self._control is not None:
            self._command("quit")
            self._control.close()
            self._control = None
        if self._process is not None:
            end(self._process, QUIT_SECONDS)
            self._process = None

    def _configure(self, control_port: int) -> None:
        recordings = self._folder / "recordings"
        recordings.mkdir()
        phone = self.phone
        source = f"aufile,{phone.source or self._silence()}"
        player = "aubridge,sink"
        if phone.echoes:
            source = player = "aubridge,loop"
        settings = [
            "poll_method epoll",
            f"sip_listen {LOOPBACK}:{self.sip_port}",
            f"net_interface {LOOPBACK}",
            f"ctrl_tcp_listen {LOOPBACK}:{control_port}",
            f"module_path {_module_folder()}",
            f"snd_path {recordings}",
            f"rtp_ports {self.rtp_ports[0]}-{self.rtp_ports[-1]}",
            "rtp_stats yes",
            "call_max_calls 20",
            f"audio_source {source}",
            f"audio_player {player}",
            "audio_alert aubridge,alert",
            *(f"{name}_format s16" for name in ("ausrc", "auplay", "auenc", "audec")),
            "audio_buffer 20-160",
            "jitter_buffer_delay 2-8",
            *(f"module {name}.so" for name in ("g711", "sndfile", "aufile", "aubridge")),
            *(f"module_tmp {name}.so" for name in ("uuid", "account")),
            *(f"module_app {name}.so" for name in ("menu", "ctrl_tcp")),
        ]
        account = (
            f"<sip:{phone.user}@{LOOPBACK}:{self.sip_port};transport={phone.transport}>;regint=0"
            f";answermode={phone.answers};audio_codecs={','.join(phone.codecs)}"
            f";ptime={phone.ptime_ms}"
        )
        (self._folder / "config").write_text("\n".join(settings) + "\n")
        (self._folder / "accounts").write_text(account + "\n")

    def _silence(self) -> Path:
        path = self._folder / "silence.wav"
        with wave.open(str(path), "wb") as silence:
            silence.setparams((1, 2, 8000, 0, "NONE", ""))
            silence.writeframes(bytes(2 * 8000 * SILENCE_SECONDS))
        return path

    def _connect(self, port: int) -> socket.socket:
        deadline = time.monotonic() + PATIENCE_SECONDS
        assert self._process is not None
        while True:
            try:
                return socket.create_connection((LOOPBACK, port), 1)
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise BaresipError(f"baresip did not start:\n{self.log()}") from None
                time.sleep(0.05)

    def _command(self, name: str, parameters: str = "") -> None:
        assert self._control is not None
        body = json.dumps({"command": name, "params": parameters, "token": name}).encode()
        self._control.sendall(b"%d:%s," % (len(body), body))

    def _pump(self, timeout_seconds: float) -> bool:
        """Read what the phone says; False when nothing came in time or it is gone."""
        assert self._control is not None
        if not select.select([self._control], [], [], max(0.0, timeout_seconds))[0]:
            return False
        chunk = self._control.recv(65536)
        self._buffer += chunk
        while True:
            length, colon, rest = self._buffer.partition(b":")
            if not colon or len(rest) <= int(length):
                return bool(chunk)
            message = json.loads(rest[: int(length)])
            self._buffer = rest[int(length) + 1 :]
            if message.get("event"):
                self.events.append(message)


def _module_folder() -> str:
    """Find where the package put baresip's modules: the path differs by architecture."""
    found = [folder for folder in MODULE_FOLDERS if Path(folder).is_dir()]
    found += [str(folder) for folder in Path("/usr/lib").glob("*/baresip/modules")]
    if not found:
        raise BaresipError("baresip's modules are nowhere under /usr/lib")
    return found[0]
