"""One scripted call in a thread of its own, which keeps what it hears and when.

It is no part of the product and imports nothing of it. Its calling thread may wait, look at the
product's web server or send garbage while the call goes on.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

from tests.support.heard_call import HeardCall
from tests.support.patience import PATIENCE_SECONDS, wait_until

T = TypeVar("T")


class ListeningCall(HeardCall):
    """One call; use it as a context manager: it is up inside, and hangs up at the end.

    Args:
        target: The URI to call.
        number: Names the call to the scripted model, by the position code in its audio.
        patience_seconds: When a request without an answer counts as failed.
    """

    def __init__(
        self, target: str, number: int, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        super().__init__(target, number, patience_seconds=patience_seconds)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._run(self.call())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._run(self.hang_up())
        finally:
            self._stop()

    def wait_until(
        self, is_so: Callable[["ListeningCall"], bool], seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Wait for something that this call hears or is told."""
        wait_until(lambda: is_so(self), seconds)

    def send_datagram(self, octets: bytes) -> None:
        """Send octets as they are from the call's own RTP socket to the far end's."""
        self._loop.call_soon_threadsafe(self.ear.send_datagram, octets)

    def press(self, digits: str) -> None:
        """Press keys."""
        self._loop.call_soon_threadsafe(self.ear.press, digits)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(2 * PATIENCE_SECONDS)

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
