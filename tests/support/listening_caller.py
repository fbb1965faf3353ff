"""One scripted call in a thread of its own, which keeps what it hears and when.

It is no part of the product and imports nothing of it. Its calling thread may wait, look at the
product's web server or send garbage while the call goes on.
"""

import asyncio
import re
import threading
import time
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any, NamedTuple, Self, TypeVar

from tests.support.patience import PATIENCE_SECONDS, wait_until
from tests.support.ports import LOOPBACK
from tests.support.rtp_caller import PACKET_SECONDS, PCMU, Address, RtpCaller
from tests.support.sip_dialog import Dialog, SipSocket

AUDIO = re.compile(r"^m=audio (\d+) ", re.MULTILINE)
SILENCE = re.compile(rb"[\x7e\x7f\xfe\xff]*")

T = TypeVar("T")


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


class ListeningCall:
    """One call; use it as a context manager: it is up inside, and hangs up at the end.

    Args:
        target: The URI to call.
        number: Names the call to the scripted model, by the position code in its audio.
        patience_seconds: When a request without an answer counts as failed.
    """

    def __init__(
        self, target: str, number: int, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self.number = number
        self._target = target
        self._patience_seconds = patience_seconds
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.ear = _Ear(number)
        self.far_rtp: Address = ("", 0)
        """Where the far end takes this call's audio."""
        self.answered_s = 0.0
        self._ticking: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._run(self._call())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._run(self._hang_up())
        finally:
            self._stop()

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

    def wait_until(
        self, is_so: Callable[["ListeningCall"], bool], seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Wait for something that this call hears or is told."""
        wait_until(lambda: is_so(self), seconds)

    def longest_silence_s(self, since_s: float, until_s: float | None = None) -> float:
        """Give the longest time without audible audio between two moments."""
        end = until_s if until_s is not None else time.monotonic()
        audible = [one.at_s for one in self.heard if one.is_audible and since_s < one.at_s < end]
        return max(after - before for before, after in pairwise([since_s, *audible, end]))

    def longest_gap_s(self) -> float:
        """Give the longest time between two packets."""
        times = [packet.at_s for packet in self.heard]
        return max((after - before for before, after in pairwise(times)), default=0.0)

    def send_datagram(self, octets: bytes) -> None:
        """Send octets as they are from the call's own RTP socket to the far end's."""
        self._loop.call_soon_threadsafe(self.ear.send_datagram, octets)

    def press(self, digits: str) -> None:
        """Press keys."""
        self._loop.call_soon_threadsafe(self.ear.press, digits)

    async def _call(self) -> None:
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

    async def _tick(self) -> None:
        due = time.monotonic()
        while True:
            self.ear.tick()
            due += PACKET_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _hang_up(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
        try:
            await self._dialog.bye()
        finally:
            self.ear.close()
            self._sip.close()
            await asyncio.sleep(0)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(2 * PATIENCE_SECONDS)

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
