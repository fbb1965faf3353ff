"""What a session tells that changes nothing in the call, as rows of its log."""

from telephony.call.events import CallerIdled, ToolServed
from telephony.voice import IdleTimedOut, VoiceEvent
from telephony.voice import ToolServed as ToolServedByProvider

__all__ = ["row_of_news"]


def row_of_news(event: VoiceEvent) -> CallerIdled | ToolServed | None:
    """Give an event's row; none for confirmations, partial texts and a provider's own playout."""
    match event:
        case IdleTimedOut(audio_start_ms=start_ms, audio_end_ms=end_ms):
            return CallerIdled(audio_start_ms=start_ms, audio_end_ms=end_ms)
        case ToolServedByProvider(server=server, name=name, arguments=arguments, output=output):
            return ToolServed(server=server, name=name, arguments=arguments, output=output)
        case _:
            return None
