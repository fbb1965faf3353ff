"""Who hears of what a model says, each in turn and none in another's way.

Events wait in a queue of ours: a listener that takes its time never keeps the socket from being
read. News that the model was interrupted goes ahead of the audio which nobody is to play any more.
"""

import asyncio
import logging
import traceback
from collections import deque
from collections.abc import Collection, Iterable

from agents.realtime.model import RealtimeModelListener
from agents.realtime.model_events import (
    RealtimeModelAudioEvent,
    RealtimeModelAudioInterruptedEvent,
    RealtimeModelEvent,
    RealtimeModelExceptionEvent,
    RealtimeModelRawServerEvent,
)

__all__ = ["MAX_WAITING", "Listeners"]

MAX_WAITING = 10_000
"""Events that may wait: more than half a minute of a talkative session."""
LOG = logging.getLogger("telephony.agents")
"""The standard library's: this runs in a program of the user's, who has his own way to log."""


class Listeners:
    """The listeners of one model, over all its sessions.

    Attributes:
        failures: Times that a listener raised; each is logged, without the event's words.
        dropped: Events that no listener was told, as they were too far behind.
    """

    def __init__(self) -> None:
        """Begin with nobody listening, and without a task."""
        self.failures = 0
        self.dropped = 0
        self._listeners: list[RealtimeModelListener] = []
        self._waiting: deque[RealtimeModelEvent] = deque()
        self._task: asyncio.Task[None] | None = None

    def add(self, listener: RealtimeModelListener) -> None:
        """Tell somebody from now on, once however often he was added."""
        if listener not in self._listeners:
            self._listeners.append(listener)

    def remove(self, listener: RealtimeModelListener) -> None:
        """Tell somebody no more; one that was never added changes nothing."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def tell(self, *events: RealtimeModelEvent) -> None:
        """Have events told in this order, soon: nobody is waited for here."""
        self._waiting.extend(events)
        if len(self._waiting) > MAX_WAITING:
            self._make_room()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._deliver())

    def tell_first(
        self, interrupted: Collection[RealtimeModelAudioInterruptedEvent], *, has_cause: bool
    ) -> None:
        """Have it told at once that items were cut; their audio that still waits is forgotten.

        Args:
            interrupted: One for each item.
            has_cause: The newest event that waits is the server's message that caused it, and
                stays ahead of it.
        """
        waiting = self._waiting
        if has_cause and waiting and isinstance(waiting[-1], RealtimeModelRawServerEvent):
            cause: list[RealtimeModelEvent] = [waiting.pop()]
        else:
            cause = []
        cut = {event.item_id for event in interrupted}
        rest = [event for event in waiting if not _is_audio_of(event, cut)]
        self._waiting = deque([*cause, *interrupted, *rest])
        self.tell()

    async def stop(self) -> None:
        """Tell nobody anything that still waits; a listener may call this."""
        self._waiting.clear()
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait([task])

    async def _deliver(self) -> None:
        while self._waiting:
            event = self._waiting.popleft()
            # A copy: a listener may remove itself.
            for listener in tuple(self._listeners):
                await self._tell_one(listener, event)

    async def _tell_one(self, listener: RealtimeModelListener, event: RealtimeModelEvent) -> None:
        """Tell one listener; what he raises, he alone is told of, as the SDK's session expects."""
        try:
            await listener.on_event(event)
        except Exception as failed:  # whatever code of a user's may raise
            self.failures += 1
            # Neither the message nor the traceback's values: they may hold the caller's words.
            where = traceback.extract_tb(failed.__traceback__)[-1]
            LOG.warning(
                "%s failed at %s:%s on %s: %s",
                type(listener).__name__,
                where.filename,
                where.lineno,
                event.type,
                type(failed).__name__,
            )
            if not isinstance(event, RealtimeModelExceptionEvent):
                told = RealtimeModelExceptionEvent(failed, context="A listener failed")
                await self._tell_one(listener, told)

    def _make_room(self) -> None:
        """Forget audio and copies of messages, which are most; and if need be the oldest news."""
        bulk = (RealtimeModelAudioEvent, RealtimeModelRawServerEvent)
        kept = [event for event in self._waiting if not isinstance(event, bulk)]
        kept = kept[-MAX_WAITING // 2 :]
        self.dropped += len(self._waiting) - len(kept)
        LOG.warning("listeners are too far behind: %s events dropped so far", self.dropped)
        self._waiting = deque(kept)


def _is_audio_of(event: RealtimeModelEvent, item_ids: Iterable[str]) -> bool:
    return isinstance(event, RealtimeModelAudioEvent) and event.item_id in item_ids
