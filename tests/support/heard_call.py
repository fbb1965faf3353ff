"""One scripted call on the running event loop, which keeps what it hears and when.

It is no part of the product and imports nothing of it.
"""

import asyncio
import re
import time
from itertools import pairwise
from typing import NamedTuple

from tests.support.patience import PATIENCE_SECONDS
from tests.support.ports import LOOPBACK
from tests.support.rtp_caller import PACKET_SECONDS, PCMU, Address, RtpCaller
from tests.support.sip_dialog import Dialog, SipSocket

__all__ = ["HeardCall", "HeardPacket"]

AUDIO = re.compile(r"^m=audio (\d+) ", re.MULTILINE)
SILENCE = re.compile(rb"[\x7e\x7f\xfe\xff]*")


class HeardPacket(NamedTuple):
    """One packet of audio, and when it came on the monotonic clock."""

    at_s: float
    payload: bytes

    @property
    def is_audible(self) -> bool:
        """Whether anything in it is louder than mu-law's last step."""
        return SILENCE.fullmatch(self.payload) is None


class _Ear(RtpCaller):
    """The socket of a call, with a memory."""

    def __init__(self, call: int) -> None:
        super().__init__(call)
        self.heard: list[HeardPacket] = []

    def datagram_received(self, data: bytes, addr: Address) -> None:
        super().datagram_received(data, addr)
        if data[1] & 0x7F == PCMU:
            self.heard.append(HeardPacket(time.monotonic(), data[12:]))


class HeardCall:
    """One call: `call` places it, `hang_up` ends it, both once.

    Args:
        target: The URI to call.
        number: Names the call to the scripted model, by the position code in its audio.
        patience_seconds: When a request without an answer counts as failed.

    Attributes:
        ear: Its RTP socket.
        far_rtp: Where the far end takes this call's audio.
        answered_s: When it was answered.
    """

    def __init__(
        self, target: str, number: int, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self.number = number
        self.ear = _Ear(number)
        self.far_rtp: Address = ("", 0)
        self.answered_s = 0.0
        self._target = target
        self._patience_seconds = patience_seconds
        self._ticking: asyncio.Task[None] | None = None

    @property
    def heard(self) -> list[HeardPacket]:
        """All audio so far."""
        return list(self.ear.heard)

    @property
    def octets(self) -> bytes:
        """All audio so far, joined."""
        return b"".join(packet.payload for packet in self.heard)

    @property
    def is_ended(self) -> bool:
        """Whether the far end has hung up."""
        return self._dialog.is_ended.is_set()

    def longest_silence_s(self, since_s: float, until_s: float | None = None) -> float:
        """Give the longest time without audible audio between two moments."""
        end = until_s if until_s is not None else time.monotonic()
        audible = [one.at_s for one in self.heard if one.is_audible and since_s < one.at_s < end]
        return max(after - before for before, after in pairwise([since_s, *audible, end]))

    def longest_gap_s(self) -> float:
        """Give the longest time between two packets."""
        times = [packet.at_s for packet in self.heard]
        return max((after - before for before, after in pairwise(times)), default=0.0)

    async def call(self) -> None:
        """Call, and send audio from the answer on."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self.ear, local_addr=(LOOPBACK, 0))
        _, self._sip = await loop.create_datagram_endpoint(SipSocket, local_addr=(LOOPBACK, 0))
        self._dialog = Dialog(
            self._sip,
            self._target,
            f"caller{self.number}",
            self.ear.sdp,
            patience_seconds=self._patience_seconds,
        )
        await self._dialog.invite()
        port = AUDIO.search(self._dialog.remote_sdp)
        assert port is not None, self._dialog.remote_sdp
        self.far_rtp = (LOOPBACK, int(port[1]))
        self.answered_s = time.monotonic()
        self.ear.send_to(self.far_rtp)
        self._ticking = loop.create_task(self._tick())

    async def hang_up(self) -> None:
        """End the call, where the far end has not, and close the sockets."""
        if self._ticking is not None:
            self._ticking.cancel()
        try:
            await self._dialog.bye()
        finally:
            self.ear.close()
            self._sip.close()
            await asyncio.sleep(0)

    async def _tick(self) -> None:
        due = time.monotonic()
        while True:
            self.ear.tick()
            due += PACKET_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))
