"""The product as a child process, by its command line and web server only: `telephony serve`."""

import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.support.child import Child
from tests.support.patience import PATIENCE_SECONDS, POLL_SECONDS
from tests.support.ports import LOOPBACK, free_range

RTP_PORTS = 600
"""Room for a few hundred calls at once."""
_SAMPLE = re.compile(r"^(\w+(?:\{.*\})?) (\S+)$", re.MULTILINE)

Row = dict[str, Any]
"""A row of a call's event log: the fields of its payload, and `at_ms` since the first row."""


class Product(Child):
    """`telephony serve` with a realtime server of ours.

    Args:
        folder: Where its settings go.
        realtime_url: The server of the voice model; empty leaves it to the embedded one.
        settings: Further lines of its settings file.
        phone: MODULE:PHONE to serve; empty serves the default agent.
        arguments: Further arguments of `serve`.
        environment: Added to its environment.
    """

    def __init__(
        self,
        folder: Path,
        realtime_url: str = "",
        *,
        settings: str = "",
        phone: str = "",
        arguments: Sequence[str] = (),
        environment: dict[str, str] | None = None,
    ) -> None:
        first = free_range(RTP_PORTS)
        self.rtp_ports = range(first, first + RTP_PORTS)
        path = folder / "telephony.toml"
        server = f'[realtime.default]\nurl = "{realtime_url}"\n' if realtime_url else ""
        path.write_text(f"version = 1\n\n{server}{settings}")
        command = [sys.executable, "-m", "telephony", "serve", *([phone] if phone else [])]
        command += ["--config", str(path), "--json"]
        command += ["--sip", f"{LOOPBACK}:0", "--http", f"{LOOPBACK}:0"]
        command += ["--rtp", f"{self.rtp_ports[0]}-{self.rtp_ports[-1]}", *arguments]
        super().__init__(command, ends_at_eof=False, stop_seconds=10.0, environment=environment)

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

    # ---- what its web server shows ------------------------------------------------------------

    def call_ids(self) -> list[str]:
        """Name the calls that it knows, oldest first."""
        return [str(call["call_id"]) for call in json.loads(self._get("/calls"))]

    def rows(self, call_id: str) -> list[Row]:
        """Give the event log of a call."""
        events = [json.loads(line) for line in self._get(f"/calls/{call_id}").splitlines()]
        return [event["payload"] | {"at_ms": event["t_ns"] / 1e6} for event in events]

    def metrics(self) -> dict[str, float]:
        """Give its metrics, by name and labels as Prometheus reads them."""
        return {name: float(value) for name, value in _SAMPLE.findall(self._get("/metrics"))}

    def wait_for_row(
        self,
        call_id: str,
        kind: str,
        timeout_seconds: float = PATIENCE_SECONDS,
        *,
        such: Callable[[Row], bool] = lambda _row: True,
    ) -> Row:
        """Wait for a row of a type in a call's event log."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            rows = self.rows(call_id)
            found = next((row for row in rows if row["type"] == kind and such(row)), None)
            if found is not None:
                return found
            if time.monotonic() > deadline:
                seen = [row["type"] for row in rows]
                raise AssertionError(f"no {kind} in call {call_id}, only {seen}; {self.log_tail()}")
            time.sleep(POLL_SECONDS)

    def log_lines(self) -> list[Row]:
        """Give what it logged so far."""
        return [json.loads(line) for line in self.log_text().splitlines() if line.startswith("{")]

    def _get(self, path: str) -> str:
        with urlopen(self.http_url + path, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - ours
            return str(answer.read().decode())
