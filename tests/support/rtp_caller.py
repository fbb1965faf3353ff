"""The audio of a scripted call: sends position-coded PCMU and telephone events, and listens.

The code in what it sends carries the number of the call, by which the scripted model knows whom it
serves. Of what it hears it only notes the first item audio and the first telephone event; the
captured packets are judged elsewhere.
"""

import asyncio
import random
import socket
from enum import Enum
from typing import cast

from tests.support.position_code import FRAME_SAMPLES, coded, locate

Address = tuple[str, int]

PACKET_SAMPLES = 160
PACKET_SECONDS = 0.02
PCMU, TELEPHONE_EVENT = 0, 101
EVENT_CODES = {digit: code for code, digit in enumerate("0123456789*#ABCD")}
EVENT_PACKETS = 5
EVENT_ENDS = 3
"""The last packet of an event is sent three times (RFC 4733 section 2.5.1.4)."""
WRAP_SAMPLES = 480_000
"""The code of a call starts again after a minute."""


class Direction(Enum):
    """What an SDP of ours says of the audio (RFC 3264 section 5.1)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    INACTIVE = "inactive"


class RtpCaller(asyncio.DatagramProtocol):
    """One RTP socket of a call.

    Args:
        call: The number of the call.
    """

    def __init__(self, call: int) -> None:
        self.direction = Direction.SENDRECV
        self.port = 0
        self.heard_item = asyncio.Event()
        self.heard_event = asyncio.Event()
        self.received = 0
        self._call = call
        self._destination: Address | None = None
        self._transport: asyncio.DatagramTransport | None = None
        pick = random.SystemRandom()
        self._ssrc = pick.getrandbits(32).to_bytes(4, "big")
        self._sequence = pick.getrandbits(15)
        self._timestamp = pick.getrandbits(31)
        self._offset = 0
        self._version = 0
        self._events: list[bytes] = []
        self._event_timestamp = 0
        self._is_first = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Address) -> None:  # noqa: ARG002 - not ours
        self.received += 1
        kind = data[1] & 0x7F
        if kind == TELEPHONE_EVENT:
            self.heard_event.set()
        elif kind == PCMU and not self.heard_item.is_set():
            places = range(12, len(data) - FRAME_SAMPLES + 1)
            if any(locate(data[at : at + FRAME_SAMPLES]) for at in places):
                self.heard_item.set()

    def sdp(self) -> str:
        """Describe this socket, in the present direction, as a new version each time."""
        self._version += 1
        return (
            f"v=0\r\no=caller {self._call + 1} {self._version} IN IP4 127.0.0.1\r\ns=-\r\n"
            "c=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.port} RTP/AVP {PCMU} {TELEPHONE_EVENT}\r\na=rtpmap:0 PCMU/8000\r\n"
            f"a=rtpmap:{TELEPHONE_EVENT} telephone-event/8000\r\n"
            f"a=fmtp:{TELEPHONE_EVENT} 0-15\r\na=ptime:20\r\na={self.direction.value}\r\n"
        )

    def send_to(self, destination: Address) -> None:
        """Send there from now on."""
        self._destination = destination

    def press(self, digits: str) -> None:
        """Queue digits as telephone events of 100 ms, 40 ms apart (RFC 4733)."""
        for digit in digits:
            code = EVENT_CODES[digit]
            for number in range(1, EVENT_PACKETS + EVENT_ENDS):
                duration = min(number, EVENT_PACKETS) * PACKET_SAMPLES
                end = 0x80 if number >= EVENT_PACKETS else 0
                self._events.append(bytes([code, end | 10]) + duration.to_bytes(2, "big"))
            self._events += [b"", b""]

    def tick(self) -> None:
        """Send the packet of this 20 ms, where there is one to send."""
        self._timestamp = self._timestamp + PACKET_SAMPLES & 0xFFFFFFFF
        if self._destination is None or self.direction is Direction.INACTIVE:
            return
        event = self._events.pop(0) if self._events else b""
        if event:
            is_new = int.from_bytes(event[2:], "big") == PACKET_SAMPLES
            self._event_timestamp = self._timestamp if is_new else self._event_timestamp
            self._send(TELEPHONE_EVENT, self._event_timestamp, event, marker=is_new)
            return
        octets = coded(self._call, self._offset, PACKET_SAMPLES)
        self._offset = (self._offset + PACKET_SAMPLES) % WRAP_SAMPLES
        self._send(PCMU, self._timestamp, octets, marker=self._is_first)
        self._is_first = False

    def send_datagram(self, octets: bytes) -> None:
        """Send octets as they are to where the audio goes."""
        assert self._transport is not None
        assert self._destination is not None
        descriptor = self._transport.get_extra_info("socket").fileno()
        # Past the transport, which swallows an empty datagram before Python 3.12.
        with socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.sendto(octets, self._destination)

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()

    def _send(self, kind: int, timestamp: int, payload: bytes, *, marker: bool) -> None:
        assert self._transport is not None
        self._sequence = self._sequence + 1 & 0xFFFF
        head = bytes([0x80, marker << 7 | kind]) + self._sequence.to_bytes(2, "big")
        packet = head + timestamp.to_bytes(4, "big") + self._ssrc + payload
        self._transport.sendto(packet, self._destination)
