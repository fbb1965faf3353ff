"""A tap on one call's audio, for programs that run an engine in their own process and listen in."""

from typing import Protocol

from telephony.media import RtpPortSettings
from telephony.units import Nanoseconds

__all__ = ["MediaTap"]


class MediaTap(Protocol):
    """What hears both directions of a call. It runs inside the media clock: it must be quick."""

    def started(self, settings: RtpPortSettings, now_ns: Nanoseconds) -> None:
        """Learn that both sides agreed on audio, or on other audio than before.

        Args:
            settings: What they agreed on.
            now_ns: The time.
        """
        ...

    def sent(self, packet: bytes, now_ns: Nanoseconds) -> None:
        """Take a packet that was handed to the kernel.

        Args:
            packet: The whole RTP packet (RFC 3550 section 5.1): a header of 12 octets, then the
                payload; audio or a telephone event, as its payload type says.
            now_ns: When.
        """
        ...

    def received(self, octets: bytes, now_ns: Nanoseconds) -> None:
        """Take audio of the far end, on its own timeline: in order, gaps filled.

        Args:
            octets: In the format of the first agreement, whatever was agreed on since.
            now_ns: When the packet arrived that completed it.
        """
        ...
