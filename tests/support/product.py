"""The product as a child process, by its command line only: `telephony serve`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.child import Child
from tests.support.ports import LOOPBACK, free_range

RTP_PORTS = 800
"""Room for a few hundred calls at once."""


class Product(Child):
    """`telephony serve` with a realtime server of ours.

    Args:
        folder: Where its settings go.
        realtime_url: The server of the voice model.
        settings: Further lines of its settings file.
        phone: MODULE:PHONE to serve; empty serves the default agent.
        arguments: Further arguments of `serve`.
    """

    def __init__(
        self,
        folder: Path,
        realtime_url: str,
        *,
        settings: str = "",
        phone: str = "",
        arguments: Sequence[str] = (),
    ) -> None:
        first = free_range(RTP_PORTS)
        self.rtp_ports = range(first, first + RTP_PORTS)
        path = folder / "telephony.toml"
        path.write_text(f'version = 1\n\n[realtime.default]\nurl = "{realtime_url}"\n{settings}')
        command = [sys.executable, "-m", "telephony", "serve", *([phone] if phone else [])]
        command += ["--config", str(path), "--json"]
        command += ["--sip", f"{LOOPBACK}:0", "--http", f"{LOOPBACK}:0"]
        command += ["--rtp", f"{self.rtp_ports[0]}-{self.rtp_ports[-1]}", *arguments]
        super().__init__(command, ends_at_eof=False, start_seconds=30.0, stop_seconds=10.0)

    @property
    def sip_uri(self) -> str:
        """Where it takes calls, to put a user before the host."""
        return str(self.ready["sip"])

    @property
    def http_url(self) -> str:
        """Where its web server is."""
        return str(self.ready["http"])

    def uri(self, user: str = "agent") -> str:
        """Give the address to dial."""
        scheme, _, address = self.sip_uri.partition(":")
        return f"{scheme}:{user}@{address}"

    def sent_audio(self) -> str:
        """Say, for tcpdump, which packets are the audio that it sends."""
        return f"udp src portrange {self.rtp_ports[0]}-{self.rtp_ports[-1]}"
