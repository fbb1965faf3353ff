"""Captures named ports on loopback with tcpdump, and asks tshark what is in a capture.

Both are third parties, so what they say about the product does not depend on it.
"""

import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from tests.support.child import end
from tests.support.patience import PATIENCE_SECONDS
from tests.support.tools import missing_program, missing_root

SETTLE_SECONDS = 0.3
"""What tcpdump may need to write the last packets."""
BUFFER_KIB = 32_768
TCPDUMP = (
    *("tcpdump", "-i", "lo", "-s", "0", "-U", "--immediate-mode", "-Z", "root"),
    *("-B", str(BUFFER_KIB)),
)
TSHARK_SECONDS = 120.0


def missing_reason() -> str | None:
    """Say why loopback cannot be captured here; None when it can."""
    return missing_program("tcpdump") or missing_root("tcpdump on the loopback interface")


def missing_tshark_reason() -> str | None:
    """Say why tshark cannot be asked; None when it can."""
    return missing_program("tshark")


class CaptureError(AssertionError):
    """tcpdump did not start, or lost packets; or tshark could not read a capture."""


class Capture:
    """Captures while it is open.

    Args:
        path: The pcap file to write.
        expression: What to capture, in tcpdump's language, such as `udp port 5060`: name ports,
            for others share the loopback interface.
    """

    def __init__(self, path: Path, expression: str) -> None:
        self.path = path
        self._expression = expression
        self._open = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self._log = self._open.enter_context(tempfile.TemporaryFile())
        self._process = subprocess.Popen(
            [*TCPDUMP, "-w", str(self.path), self._expression],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "listening on" not in self._said():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self._said()
                self._close()
                raise CaptureError(f"tcpdump did not start: {said}")
            time.sleep(0.02)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._process is not None
        time.sleep(SETTLE_SECONDS)
        self._process.send_signal(signal.SIGINT)
        said = self._close()
        dropped = re.search(r"(\d+) packets? dropped by kernel", said)
        if kind is None and (dropped is None or dropped[1] != "0"):
            raise CaptureError(f"the capture is not whole: {said}")

    def _said(self) -> str:
        assert self._log is not None
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def _close(self) -> str:
        assert self._process is not None
        end(self._process)
        said = self._said()
        self._open.close()
        return said


@dataclass(frozen=True, slots=True)
class RtpStream:
    """One RTP stream as tshark sees it.

    Attributes:
        source: Address and port it comes from.
        destination: Address and port it goes to.
        ssrc: Its synchronization source.
        payload: tshark's names of its payload types, such as "g711U, telephone-event".
        packets: How many there are.
        lost: How many sequence numbers are missing.
        mean_jitter_ms: RFC 3550's interarrival jitter, mean.
    """

    source: tuple[str, int]
    destination: tuple[str, int]
    ssrc: int
    payload: str
    packets: int
    lost: int
    mean_jitter_ms: float


_STREAM_ROW = re.compile(
    r"^\s*[\d.]+\s+[\d.]+\s+(?P<source>\S+)\s+(?P<source_port>\d+)\s+(?P<destination>\S+)\s+"
    r"(?P<destination_port>\d+)\s+0x(?P<ssrc>[0-9A-F]+)\s+(?P<payload>\S.*?)\s+(?P<packets>\d+)\s+"
    r"(?P<lost>-?\d+) \([^)]*\)\s+[\d.]+\s+[\d.]+\s+[\d.]+\s+[\d.]+\s+(?P<jitter>[\d.]+)\s+[\d.]+"
)


def tshark(path: Path, arguments: Sequence[str], decode_as: Sequence[str] = ()) -> str:
    """Run tshark over a capture and give what it prints.

    Args:
        path: The capture.
        arguments: Further arguments.
        decode_as: Ports with their protocol, such as `udp.port==5070,sip`; media ports are found
            from the SDP of the SIP that is so decoded.
    """
    decoding = [part for rule in decode_as for part in ("-d", rule)]
    done = subprocess.run(
        ["tshark", "-n", "-r", str(path), *decoding, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=TSHARK_SECONDS,
    )
    if done.returncode:
        raise CaptureError(f"tshark cannot read {path}: {done.stderr}")
    return done.stdout


def fields(
    path: Path, names: Sequence[str], *, only: str = "", decode_as: Sequence[str] = ()
) -> list[list[str]]:
    """Give the named fields of each packet that the display filter `only` lets through."""
    arguments = ["-T", "fields", *(part for name in names for part in ("-e", name))]
    if only:
        arguments += ["-Y", only]
    return [line.split("\t") for line in tshark(path, arguments, decode_as).splitlines()]


def rtp_streams(path: Path, decode_as: Sequence[str] = ()) -> list[RtpStream]:
    """Give every RTP stream that tshark finds in a capture."""
    text = tshark(path, ["-q", "-z", "rtp,streams"], decode_as)
    return [_stream(row) for line in text.splitlines() if (row := _STREAM_ROW.match(line))]


def _stream(row: re.Match[str]) -> RtpStream:
    return RtpStream(
        source=(row["source"], int(row["source_port"])),
        destination=(row["destination"], int(row["destination_port"])),
        ssrc=int(row["ssrc"], 16),
        payload=row["payload"],
        packets=int(row["packets"]),
        lost=int(row["lost"]),
        mean_jitter_ms=float(row["jitter"]),
    )
