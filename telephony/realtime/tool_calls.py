"""Function calls, each told once, from whichever event a server chooses to complete it with."""

from telephony.realtime.recent import Recent
from telephony.realtime.wire import Item
from telephony.voice import ToolCalled

__all__ = ["ToolCalls"]

REMEMBERED = 256
"""Calls kept in mind: `response.done` repeats only those of one response."""


class ToolCalls:
    """Finds complete calls in arguments.done, output_item.done and response.done."""

    def __init__(self) -> None:
        """Begin with no call seen."""
        self._names: Recent[str, str] = Recent(REMEMBERED)
        self._told: Recent[str, None] = Recent(REMEMBERED)

    def note(self, item: Item) -> None:
        """Remember the name of a call that has begun."""
        if item.type == "function_call" and item.id and item.name:
            self._names.put(item.id, item.name)

    def forget(self, call_id: str) -> None:
        """Learn that another call has this id."""
        self._told.pop(call_id)

    def complete(self, item: Item, response_id: str) -> ToolCalled | None:
        """Take an item of a response; give its call if it is one, complete and new."""
        if item.type != "function_call" or item.status not in (None, "completed"):
            return None
        name = item.name or self._names.get(item.id or "")
        key = item.call_id or item.id
        if not name or not key or key in self._told:
            return None
        self._told.put(key, None)
        return ToolCalled(
            response_id=response_id,
            item_id=item.id or "",
            call_id=key,
            name=name,
            arguments=item.arguments or "",
        )
