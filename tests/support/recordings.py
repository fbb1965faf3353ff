"""Reads the recorded calls of `tests/fixtures/rtp`: what reached an agent, what was said when."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.hearing import RtpPacket, parse_rtp
from tests.support.pcap import Datagram, read_datagrams

FOLDER = Path(__file__).parents[1] / "fixtures" / "rtp"
RTCP_TYPES = range(192, 224)

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call as it reached an agent; times count from its first packet, the INVITE.

    Attributes:
        datagrams: All of it: SIP, RTP and RTCP, both directions, in order of arrival.
        offer: The caller's session description.
        answer: The agent's session description.
        caller_media: Where the agent's audio goes.
        agent_media: Where the caller's audio goes.
    """

    datagrams: tuple[Datagram, ...]
    offer: str
    answer: str
    caller_media: Address
    agent_media: Address

    @property
    def agent_sip(self) -> Address:
        """Where the caller's signalling goes."""
        return self.datagrams[0].destination

    @property
    def bye_ns(self) -> int:
        """When the caller hung up."""
        return next(each.time_ns for each in self.datagrams if each.payload.startswith(b"BYE "))

    def to_agent(self) -> list[Datagram]:
        """Give the caller's RTP in order of arrival."""
        return self._toward(self.agent_media)

    def from_agent(self) -> list[Datagram]:
        """Give the agent's RTP in order of departure."""
        return self._toward(self.caller_media)

    def rtcp_to_agent(self) -> list[Datagram]:
        """Give the caller's RTCP in order of arrival."""
        return self._toward((self.agent_media[0], self.agent_media[1] + 1))

    def packets_to_agent(self) -> list[RtpPacket]:
        """Give the caller's RTP packets in order of arrival."""
        packets = (parse_rtp(each) for each in self.to_agent())
        return [packet for packet in packets if packet is not None]

    def _toward(self, destination: Address) -> list[Datagram]:
        return [each for each in self.datagrams if each.destination == destination]


def index() -> list[dict[str, Any]]:
    """Tell of each recording what was played, pressed and lost, as `record_calls.py` knew it."""
    return list(json.loads((FOLDER / "index.json").read_text())["recordings"])


def recorded(name: str) -> RecordedCall:
    """Read a recording by its name, which is its file's without the suffix."""
    return call_of(list(read_datagrams(FOLDER / f"{name}.pcap")))


def call_of(datagrams: list[Datagram]) -> RecordedCall:
    """Find the offer, the answer and the media of a captured call."""
    offer = next(each for each in datagrams if each.payload.startswith(b"INVITE "))
    answer = next(
        each
        for each in datagrams
        if each.source == offer.destination and _media_address(each.payload) is not None
    )
    caller_media, agent_media = _media_address(offer.payload), _media_address(answer.payload)
    assert caller_media is not None
    assert agent_media is not None
    bodies = [each.payload.partition(b"\r\n\r\n")[2].decode() for each in (offer, answer)]
    return RecordedCall(tuple(datagrams), bodies[0], bodies[1], caller_media, agent_media)


def _media_address(message: bytes) -> Address | None:
    """Give where a SIP message with SDP wants its audio; None where it has none."""
    audio = re.search(rb"\r\nm=audio (\d+) ", message)
    connection = re.search(rb"\r\nc=IN IP4 (\S+)", message)
    if audio is None or connection is None:
        return None
    return connection[1].decode(), int(audio[1])
