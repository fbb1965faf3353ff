"""`telephony call` where nobody answers: it says what it waits for, and ends when it is told to."""

import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.support.child import child_environment
from tests.support.ports import LOOPBACK

PATIENCE_SECONDS = 30


@contextmanager
def calling(target: str, folder: Path) -> Generator["subprocess.Popen[str]"]:
    """Place a call from a process of its own."""
    command = [sys.executable, "-m", "telephony", "call", target]
    with subprocess.Popen(
        command, env=child_environment(), cwd=folder, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def far_end() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((LOOPBACK, 0))
    sock.settimeout(PATIENCE_SECONDS)
    return sock


def ringing(invite: bytes) -> bytes:
    """Answer an INVITE with 180."""
    copied = [
        line
        for line in invite.decode().split("\r\n")
        if line.partition(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")
    ]
    return "\r\n".join(["SIP/2.0 180 Ringing", *copied, "Content-Length: 0", "", ""]).encode()


def test_what_is_waited_for_is_said_until_it_is_over(tmp_path: Path) -> None:
    with far_end() as mute:
        host, port = mute.getsockname()
        with calling(f"sip:x@{host}:{port}", tmp_path) as process:
            assert process.stdout is not None
            said = iter(process.stdout)
            assert next(said) == f"calling sip:x@{host}:{port}\n"
            assert next(said) == "trying for 5 s...\n"
            invite, source = mute.recvfrom(65_535)
            mute.sendto(ringing(invite), source)
            assert next(said) == "180 Ringing\n"
            assert next(said) == "ringing for 10 s...\n"
            process.send_signal(signal.SIGINT)
            mute.close()
            assert next(said).startswith("not answered: ")
            assert process.wait(PATIENCE_SECONDS) == 1
