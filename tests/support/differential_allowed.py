"""In what our model differs from the SDK's own on purpose; each entry has to be of use."""

from tests.support.differential import Allowed

__all__ = ["ALLOWED", "MOST"]

MOST = 25
"""How many entries there may be."""


def types(*names: str) -> frozenset[str]:
    return frozenset(names)


ALLOWED = (
    Allowed(
        "no model in the session",
        "a session keeps the model of its URL; servers refuse another",
        "frame",
        types("session.update"),
        "session.model",
        "theirs",
    ),
    Allowed(
        "tracing with the rest",
        "tracing is asked for in the first update, where it cannot come too late",
        "frame",
        types("session.update"),
        "session.tracing",
    ),
    Allowed(
        "no second update",
        "the SDK asks for tracing once more by itself when the session is created",
        "frame",
        types("session.update"),
        "",
        "theirs",
    ),
    Allowed(
        "no voice after the first audio",
        "a server refuses the whole update that names one then, the new instructions with it",
        "frame",
        types("session.update"),
        "session.audio.output.voice",
        "theirs",
    ),
    Allowed(
        "no retrieval",
        "the SDK asks for the last audio item, which is not the one that was transcribed or cut",
        "frame",
        types("conversation.item.retrieve"),
        "",
        "theirs",
    ),
    Allowed(
        "what nobody heard is deleted",
        "an item that was queued behind the one that played is else remembered as said",
        "frame",
        types("conversation.item.delete"),
    ),
    Allowed(
        "a cancel though the server does it, too",
        "an automatic one may be off by default or late; a second one is harmless",
        "frame",
        types("response.cancel"),
    ),
    Allowed(
        "the cancel goes first",
        "the response ends before its items are cut: design, decision 6",
        "frame",
        types("order"),
        "",
        "both",
    ),
    Allowed(
        "items play one behind the other",
        "untracked, the SDK takes the last item to have begun when it came",
        "frame",
        types("conversation.item.truncate"),
        "item_id",
        "both",
    ),
    Allowed(
        "every item that ends is told",
        "the SDK tells of the last that came, also where an earlier one plays",
        "event",
        types("model.audio_interrupted", "audio_interrupted"),
    ),
    Allowed(
        "late audio is not told",
        "it was on its way when the caller began to speak: nobody may play it",
        "event",
        types("model.audio", "audio"),
        "",
        "theirs",
    ),
    Allowed(
        "a failed response is told",
        "the SDK lets failed and incomplete responses end as if nothing were",
        "event",
        types("model.other:ResponseFinished"),
    ),
    Allowed(
        "an expected race is no error",
        "a cancel that comes too late is what happens, as is its answer",
        "event",
        types("model.error", "error"),
        "",
        "theirs",
        frozenset({"errors"}),
    ),
    Allowed(
        "an expected race is told as such",
        "who wants to know can",
        "event",
        types("model.other:VoiceErrorReceived"),
    ),
    Allowed(
        "an unknown type is no error",
        "providers add events at any time",
        "event",
        types("model.error", "error"),
        "",
        "theirs",
        frozenset({"unknown events"}),
    ),
    Allowed(
        "an unknown type is told as such",
        "as `other`, with its name",
        "event",
        types("model.other:UnknownEventReceived"),
    ),
    Allowed(
        "limits, playout and keys are told",
        "the SDK reads and drops them",
        "event",
        types(
            "model.other:RateLimitUpdated",
            "model.other:PlayoutReported",
            "model.other:DigitReceived",
        ),
    ),
    Allowed(
        "a caller's words are told as they come",
        "the SDK drops partial transcripts",
        "event",
        types("model.other:CallerTranscribed"),
    ),
    Allowed(
        "a transcription that failed is told",
        "else the history just lacks a turn",
        "event",
        types("model.error", "error"),
        "",
        "ours",
        frozenset({"transcription"}),
    ),
    Allowed(
        "a finished item is told",
        "`conversation.item.done` holds it whole; the SDK drops it",
        "event",
        types("model.item_updated", "history_added"),
        "",
        "ours",
        frozenset({"items"}),
    ),
    Allowed(
        "an item's place is told",
        "`conversation.item.added` says it as well as the older `created`",
        "event",
        types("model.item_updated"),
        "item.previous_item_id",
    ),
    Allowed(
        "a finished item is in the history",
        "and at its place: both follow from the two above",
        "event",
        types("history"),
        "items",
        "both",
        frozenset({"items"}),
    ),
    Allowed(
        "a bad message ends nothing",
        "the SDK's session ends by an exception; ours tells an error and goes on",
        "event",
        types("model.raw_server_event", "model.error", "error", "model.exception", "raised"),
        "",
        "any",
        frozenset({"broken audio", "broken json"}),
    ),
    Allowed(
        "a lost connection is an error of ours",
        "a `TransportError` that says why, not one of the WebSocket library's",
        "event",
        types("model.exception", "raised"),
        "exception",
        "both",
    ),
    Allowed(
        "and is raised as one",
        "the SDK's session raises what it was told",
        "event",
        types("raised"),
        "error",
        "both",
        frozenset({"unclean close"}),
    ),
)
"""Read from top to bottom: the first that covers a difference is the one that is used."""
