"""The orders in which the embedded server's events come, as recorded sessions have them."""

__all__ = [
    "AUDIO_ENDS",
    "CALL",
    "ITEM",
    "MESSAGE_BEGINS",
    "MESSAGE_ENDS",
    "RESPONSE_BEGINS",
    "SPOKEN",
    "SPOKEN_ENDS",
    "TURN",
]

ITEM = ["conversation.item.added", "conversation.item.done"]
"""An item that joins the conversation whole."""
TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    *ITEM,
]
MESSAGE_BEGINS = [
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
]
SPOKEN = ["response.output_audio_transcript.delta", "response.output_audio.delta"]
"""Words, then the audio of them."""
AUDIO_ENDS = ["response.output_audio.done", "response.output_audio_transcript.done"]
MESSAGE_ENDS = [
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
]
CALL = [
    "response.output_item.added",
    "conversation.item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "conversation.item.done",
    "response.output_item.done",
]
RESPONSE_BEGINS = ["response.created", *MESSAGE_BEGINS]
SPOKEN_ENDS = [*AUDIO_ENDS, *MESSAGE_ENDS, "response.done"]
"""The end of a response that spoke and called nothing."""
