"""Answers calls on a UDP socket with nothing but the SIP endpoint: no media, no product driver.

A throwaway loop for checks against real peers, in a process of its own:
`python -m tests.support.sip_udp_loop PORT [LOSS]`. Each INVITE rings and is answered at once; each
datagram is lost with probability LOSS, both ways. On SIGTERM it prints its counts as JSON.
"""

import itertools
import json
import random
import select
import signal
import socket
import sys
import time
from collections import Counter

from telephony.sip import EndpointSettings, IncomingInvite, ListenAddress, SipEndpoint, Transmit
from telephony.units import Nanoseconds

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 9 RTP/AVP 0\r\n"
)


class Loop:
    """One endpoint, one socket."""

    def __init__(self, port: int, loss: float) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.socket.setblocking(False)
        host, port = self.socket.getsockname()
        self.local = ListenAddress("UDP", host, port)
        numbers = itertools.count()
        settings = EndpointSettings(advertised={"UDP": (host, port)})
        self.endpoint = SipEndpoint(settings, lambda: f"loop-{next(numbers):x}", random.random)
        self.counts: Counter[str] = Counter()
        self.link = random.Random(1)
        self.loss = loss

    def step(self) -> None:
        """Wait for a datagram or a deadline, serve it, send what comes of it."""
        deadline = self.endpoint.next_deadline()
        wait = 0.2 if deadline is None else max(0.0, (deadline - time.monotonic_ns()) / 1e9)
        if select.select([self.socket], [], [], min(wait, 0.2))[0]:
            data, source = self.socket.recvfrom(65_536)
            if self.link.random() >= self.loss:
                self.endpoint.handle_datagram(data, source, self.local, self.now())
        self.endpoint.handle_timer(self.now())
        while (output := self.endpoint.poll_output()) is not None:
            self.counts[type(output).__name__] += 1
            if isinstance(output, Transmit):
                if self.link.random() >= self.loss:
                    self.socket.sendto(output.data, output.destination)
            elif isinstance(output, IncomingInvite):
                output.session.ring(self.now())
                output.session.answer(SDP, self.now())

    @staticmethod
    def now() -> Nanoseconds:
        """Read the monotonic clock."""
        return Nanoseconds(time.monotonic_ns())


def main() -> None:
    loop = Loop(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0)
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    print(f"ready {loop.local.port}", flush=True)
    while not stopped:
        loop.step()
    counts = dict(loop.counts) | {
        "transactions": loop.endpoint.transaction_count,
        "dialogs": loop.endpoint.dialog_count,
        "cpu_ms": time.process_time() * 1000,
    }
    print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    main()
