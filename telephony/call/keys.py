"""Collects the caller's keys into one entry: ended by # or by a pause of 2 s."""

from telephony.units import NS_PER_MS, Nanoseconds

__all__ = ["KeyCollector"]

PAUSE_NS = 2_000 * NS_PER_MS
MAX_KEYS = 32
"""Longer than any account number; a key beyond it ends the entry as # would."""


class KeyCollector:
    """One caller's keys.

    After `handle_key`, or when `next_deadline()` has passed, take the entry with `poll_entry`.
    """

    __slots__ = ("_deadline_ns", "_entry", "_keys")

    def __init__(self) -> None:
        """Start with no key pressed."""
        self._keys = ""
        self._entry: str | None = None
        self._deadline_ns: Nanoseconds | None = None

    def handle_key(self, key: str, now_ns: Nanoseconds) -> None:
        """Take one key, `0` to `9`, `*`, `#` or `A` to `D`; # belongs to the entry it ends."""
        self._keys += key
        self._deadline_ns = Nanoseconds(now_ns + PAUSE_NS)
        if key == "#" or len(self._keys) >= MAX_KEYS:
            self._end()

    def handle_timer(self, now_ns: Nanoseconds) -> None:
        """End the entry when the pause has passed."""
        if self._deadline_ns is not None and now_ns >= self._deadline_ns:
            self._end()

    def _end(self) -> None:
        self._entry, self._keys, self._deadline_ns = self._keys, "", None

    def poll_entry(self) -> str | None:
        """Give the entry that has ended, once."""
        entry, self._entry = self._entry, None
        return entry

    def next_deadline(self) -> Nanoseconds | None:
        """Say when the pause will have passed."""
        return self._deadline_ns
