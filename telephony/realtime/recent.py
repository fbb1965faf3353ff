"""A memory of the last few things, for what the server may mention again."""

from typing import Generic, TypeVar

__all__ = ["Recent"]

Key = TypeVar("Key")
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """A mapping that forgets its oldest entry when it is full."""

    def __init__(self, limit: int) -> None:
        """Begin empty; hold at most `limit` entries."""
        self._limit = limit
        self._entries: dict[Key, Value] = {}

    def __contains__(self, key: Key) -> bool:
        """Tell whether the key is remembered."""
        return key in self._entries

    def __len__(self) -> int:
        """Count what is remembered."""
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """Give the value of a key, None when it is not remembered."""
        return self._entries.get(key)

    def put(self, key: Key, value: Value) -> None:
        """Remember a value; a key that is known keeps its age."""
        self._entries[key] = value
        if len(self._entries) > self._limit:
            del self._entries[next(iter(self._entries))]

    def pop(self, key: Key) -> Value | None:
        """Forget a key and give its value, None when it was not remembered."""
        return self._entries.pop(key, None)
