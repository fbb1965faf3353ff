"""How long a call waits for whom."""

from dataclasses import dataclass

from telephony.units import NS_PER_SECOND, Nanoseconds

__all__ = ["CallSettings"]


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How long a call waits for whom."""

    routing_ns: Nanoseconds = Nanoseconds(10 * NS_PER_SECOND)
    """For the app to decide on a call that came in."""
    grant_ns: Nanoseconds = Nanoseconds(3 * NS_PER_SECOND)
    """For the voice session, before the caller is answered without it."""
    grant_limit_ns: Nanoseconds = Nanoseconds(10 * NS_PER_SECOND)
    """For the voice session, before it counts as lost."""
    words_ns: Nanoseconds = Nanoseconds(15 * NS_PER_SECOND)
    """For queued words to go out before a hang-up or a transfer."""
    refer_ns: Nanoseconds = Nanoseconds(15 * NS_PER_SECOND)
    """For a provider's answer to a transfer, by way of the app."""
    max_duration_ns: Nanoseconds = Nanoseconds(4 * 3600 * NS_PER_SECOND)
    """Of a whole call."""
