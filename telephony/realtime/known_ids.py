"""The ids that a server gave its responses, items and function calls, and which it used twice.

An id that begins anew, behind the end of what had it before, is another thing: on our side it gets
a name of its own, so that neither the ledger nor the app mistakes the two. The server reads and
writes its own id. What is still under way under an id keeps its name.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from telephony.realtime.recent import Recent
from telephony.voice import VoiceCommand, VoiceEvent

__all__ = ["KnownIds"]

REMEMBERED = 256
"""Ids of each kind kept in mind: what is older is neither said nor cut any more."""
ID_FIELDS = ("response_id", "item_id", "call_id")
"""Of commands and events."""


@dataclass(slots=True)
class _Known:
    """What an id stands for at the moment."""

    name: str
    """Ours."""
    owner: "_Known | None" = None
    """The response that an item or a call is of."""
    is_over: bool = False
    """Of a response: it has ended."""


class KnownIds:
    """The ids of one session."""

    def __init__(self) -> None:
        """Know none."""
        self._responses: Recent[str, _Known] = Recent(REMEMBERED)
        self._items: Recent[str, _Known] = Recent(REMEMBERED)
        self._calls: Recent[str, _Known] = Recent(REMEMBERED)
        self._ids: Recent[str, str] = Recent(REMEMBERED)  # of what has a name of its own
        self._last: tuple[str, str, _Known] | None = None
        self._names = 0

    def begin_response(self, response_id: str, *, was_cut: bool) -> bool:
        """Learn that a response begins; tell whether its id was used before.

        Args:
            response_id: The server's.
            was_cut: Whether we have cut a response of this id short: it is as good as over.
        """
        before = self._responses.get(response_id)
        if before is not None and not (before.is_over or was_cut):
            return False
        is_used = before is not None
        if before is not None:
            before.is_over = True
        self._responses.put(response_id, _Known(self._name(response_id, is_used=is_used)))
        return is_used

    def end_response(self, response_id: str) -> None:
        """Learn that a response is over."""
        known = self._responses.get(response_id)
        if known is not None:
            known.is_over = True

    def state_of(self, response_id: str) -> Literal["unknown", "under way", "over"]:
        """Say what is known of a response; a server that tells of none may leave it at that."""
        known = self._responses.get(response_id)
        if known is None:
            return "unknown" if response_id and len(self._responses) else "under way"
        return "over" if known.is_over else "under way"

    def mention_item(self, item_id: str, response_id: str) -> bool:
        """Learn of an item of a response; tell whether its id was used before."""
        is_used = self._mention(self._items, item_id, response_id)
        owner = self._responses.get(response_id)
        self._last = None if owner is None else (item_id, response_id, owner)
        return is_used

    def goes_on(self, item_id: str, response_id: str) -> bool:
        """Tell whether this is the item mentioned last, of a response under way: nothing is new."""
        last = self._last
        return (
            last is not None
            and last[0] == item_id
            and last[1] == response_id
            and not last[2].is_over
        )

    def mention_call(self, call_id: str, response_id: str) -> bool:
        """Learn of a function call of a response; tell whether its id was used before."""
        return self._mention(self._calls, call_id, response_id)

    def _mention(self, known: Recent[str, _Known], wire_id: str, response_id: str) -> bool:
        owner = self._responses.get(response_id)
        before = known.get(wire_id)
        if before is not None and (before.owner is owner or owner is None):
            return False
        if before is not None and not (before.owner is not None and before.owner.is_over):
            before.owner = owner
            return False
        is_used = before is not None
        known.put(wire_id, _Known(self._name(wire_id, is_used=is_used), owner))
        return is_used

    def _name(self, wire_id: str, *, is_used: bool) -> str:
        if not is_used:
            return wire_id
        self._names += 1
        name = f"{wire_id}~{self._names + 1}"
        self._ids.put(name, wire_id)
        return name

    def outwards(self, event: VoiceEvent) -> VoiceEvent:
        """Give an event with our names for what it is about."""
        return replace(event, **_renamed(event, self._name_of)) if self._names else event

    def _name_of(self, field: str, wire_id: str) -> str:
        known = {"response_id": self._responses, "item_id": self._items, "call_id": self._calls}
        found = known[field].get(wire_id)
        return wire_id if found is None else found.name

    def inwards(self, command: VoiceCommand) -> VoiceCommand:
        """Give a command with the server's ids for what it is about."""
        return replace(command, **_renamed(command, self._id_of)) if self._names else command

    def _id_of(self, _field: str, name: str) -> str:
        return self._ids.get(name) or name


def _renamed(told: object, rename: Callable[[str, str], str]) -> dict[str, Any]:
    """Give the ids in a command or an event under their other names, by field."""
    found = ((field, getattr(told, field, None)) for field in ID_FIELDS)
    return {field: rename(field, name) for field, name in found if name}
