"""Takes and places calls on a UDP socket with nothing but the SIP endpoint: no media, no driver.

A throwaway loop for checks against real peers, in a process of its own:
`python -m tests.support.sip_udp_loop`. It says on which port it is; each INVITE rings and is
answered at once. A line `call PORT COUNT` on its standard input places calls to that port of
loopback, each hung up when it is answered; any line is answered by its counts.
"""

import itertools
import json
import os
import random
import select
import socket
import sys
import time
from collections import Counter

from telephony.sip import (
    EndpointSettings,
    IncomingInvite,
    InviteAnswered,
    ListenAddress,
    NameAddr,
    SipEndpoint,
    SipUri,
    Transmit,
)
from telephony.units import Nanoseconds

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 9 RTP/AVP 0\r\n"
)


class Loop:
    """One endpoint, one socket."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        host, port = self.socket.getsockname()
        self.local = ListenAddress("UDP", host, port)
        numbers = itertools.count()
        settings = EndpointSettings(advertised={"UDP": (host, port)})
        self.endpoint = SipEndpoint(settings, lambda: f"loop-{next(numbers):x}", random.random)
        self.counts: Counter[str] = Counter()

    def step(self) -> bool:
        """Serve what is there and what is due; False once the standard input is closed."""
        deadline = self.endpoint.next_deadline()
        wait = None if deadline is None else max(0.0, (deadline - time.monotonic_ns()) / 1e9)
        ready = select.select([self.socket, sys.stdin], [], [], wait)[0]
        if self.socket in ready:
            data, source = self.socket.recvfrom(65_536)
            self.endpoint.handle_datagram(data, source, self.local, self.now())
        self.endpoint.handle_timer(self.now())
        is_open = sys.stdin not in ready or self.obey(os.read(0, 1000).decode())
        while (output := self.endpoint.poll_output()) is not None:
            self.counts[type(output).__name__] += 1
            if isinstance(output, Transmit):
                self.socket.sendto(output.data, output.destination)
            elif isinstance(output, IncomingInvite):
                output.session.ring(self.now())
                output.session.answer(SDP, self.now())
            elif isinstance(output, InviteAnswered):
                output.session.bye(self.now())
        return is_open

    def obey(self, line: str) -> bool:
        """Do what a line asks for and answer it; False where there is none."""
        words = line.split()
        if words and words[0] == "call":
            for _ in range(int(words[2])):
                self.call(int(words[1]))
        counts = {
            "transactions": self.endpoint.transaction_count,
            "dialogs": self.endpoint.dialog_count,
            "cpu_ms": round(time.process_time() * 1000),
        }
        if words:
            print(json.dumps(counts | dict(self.counts)), flush=True)
        return bool(words)

    def call(self, port: int) -> None:
        """Place one call."""
        target = SipUri("sip", "service", None, "127.0.0.1", port)
        us = NameAddr(None, SipUri("sip", "loop", None, "127.0.0.1", self.local.port))
        to = NameAddr(None, target)
        self.endpoint.invite(target, from_=us, to=to, sdp=SDP, now_ns=self.now())

    @staticmethod
    def now() -> Nanoseconds:
        """Read the monotonic clock."""
        return Nanoseconds(time.monotonic_ns())


def main() -> None:
    loop = Loop()
    print(json.dumps({"port": loop.local.port}), flush=True)
    while loop.step():
        pass


if __name__ == "__main__":
    main()
