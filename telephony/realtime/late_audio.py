"""Which audio comes too late: that of an item we cut, or of a response that was interrupted."""

from telephony.realtime.recent import Recent

__all__ = ["CutAudio"]

REMEMBERED = 64
"""Items and responses kept in mind; one response seldom has more than three items."""


class CutAudio:
    """Remembers what was cut, so that audio still on its way for it is not played.

    The server goes on sending until it has read our `response.cancel`, and a response that it
    ends by itself may have audio in flight behind the news.
    """

    def __init__(self) -> None:
        """Begin with nothing cut."""
        self._response_of: Recent[str, str] = Recent(REMEMBERED)
        self._responses: Recent[str, None] = Recent(REMEMBERED)
        self._items: Recent[str, None] = Recent(REMEMBERED)
        self._in_time: tuple[str, str] | None = None
        """The item last found in time, with its response; nothing was cut since."""

    def cut_response(self, response_id: str) -> None:
        """Take everything of this response from now on as late."""
        self._responses.put(response_id, None)
        self._in_time = None

    def cut_item(self, item_id: str) -> None:
        """Take everything of this item, and of the response it belongs to, as late.

        What comes after an item that was cut continues words which the caller did not hear.
        """
        self._items.put(item_id, None)
        self._in_time = None
        response_id = self._response_of.get(item_id)
        if response_id:
            self.cut_response(response_id)

    def is_cut(self, response_id: str) -> bool:
        """Tell whether a response was cut."""
        return response_id in self._responses

    def forget_response(self, response_id: str) -> None:
        """Learn that another response has this id."""
        self._responses.pop(response_id)

    def forget_item(self, item_id: str) -> None:
        """Learn that another item has this id."""
        self._items.pop(item_id)
        self._response_of.pop(item_id)
        self._in_time = None

    def is_known(self, item_id: str) -> bool:
        """Tell whether some of this item was in time, or the item itself was cut."""
        return item_id in self._response_of or item_id in self._items

    def is_late(self, response_id: str, item_id: str) -> bool:
        """Tell whether audio of this item is late, and remember whose the item is."""
        item = (item_id, response_id)
        if item == self._in_time:
            return False
        if item_id in self._items or response_id in self._responses:
            return True
        self._in_time = item
        if item_id not in self._response_of:
            self._response_of.put(item_id, response_id)
        return False
