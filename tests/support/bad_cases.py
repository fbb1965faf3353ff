"""Every way in which a Realtime server can misbehave, and what is to come of it: data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tests.support import bad_stories as told
from tests.support.bad_server import Story
from tests.support.bad_stories import in_between, refuses, says, says_octets

__all__ = ["APOLOGY", "CASES", "FILLER", "GOOD", "HANG_UP", "NOT_RESTORED", "SOUNDS", "BadCase"]

FILLER, APOLOGY = 0x22, 0x11
SOUNDS = {
    told.GREETING: "greeting",
    told.MORE: "more",
    FILLER: "one moment",
    APOLOGY: "apology",
}
HANG_UP = "hang-up"
NOT_RESTORED = "voice.not_restored"

GOES_ON = ("greeting", "more")
SORRY = ("apology", HANG_UP)
LOST_LATE = ("one moment", *SORRY)


@dataclass(frozen=True, slots=True)
class BadCase:
    """One thing that a server does wrong, and what is to come of it.

    Attributes:
        name: What it does.
        stories: Of its connections, one after the other; none where nobody listens.
        code: Of the one row in the call's log; empty where the call is over by then, and a line of
            the engine's log says it.
        fault: Whose it is, by that row or line.
        why: What it says, in part; empty where nothing is to be said.
        counter: The one that grows; empty where it is the row's own.
        gets: What the caller gets, in this order.
        counted: By how much the counter grows.
        times: How often it happens, with a row each time.
        retries: Whose fault each try is that gives no other session; each has a row of its own.
        differs: Why there is no row or no counter, on purpose.
    """

    name: str
    stories: tuple[Story, ...]
    code: str
    fault: str
    why: str
    counter: str
    gets: tuple[str, ...]
    counted: int = 1
    times: int = 1
    retries: tuple[str, ...] = ()
    differs: str = ""

    @property
    def counters(self) -> Mapping[str, int]:
        """What of the metrics of trouble grows: the counter, and that of the rows as such."""
        return {
            **({self.code: self.times} if self.code else {}),
            **({self.counter: self.counted} if self.counter else {}),
            **({NOT_RESTORED: len(self.retries)} if self.retries else {}),
        }


def unreached(name: str, why: str, *stories: Story, gets: tuple[str, ...] = SORRY) -> BadCase:
    """Make a case of a server that is never reached: nobody waits for a second try."""
    return BadCase(name, stories, "voice.lost", "model", why, "", gets)


def lost(name: str, why: str, story: Story, gets: tuple[str, ...] = GOES_ON) -> BadCase:
    """Make a case of a session that is lost, and of another that goes on with the call."""
    return BadCase(name, (story, told.resumes), "voice.lost", "model", why, "", gets)


def lost_for_good(name: str, story: Story, *retries: str) -> BadCase:
    """Make a case of a session that is lost, and of a server that gives no other."""
    why = "had an error"
    stories = (told.closes(1011, "The server had an error"), story)
    gets = ("greeting", "one moment", *SORRY)
    return BadCase(name, stories, "voice.lost", "model", why, "", gets, retries=retries)


def goes_on(name: str, code: str, why: str, counter: str, *stories: Story) -> BadCase:
    """Make a case of a server that is wrong, with a call that goes on."""
    return BadCase(name, stories, code, "model", why, counter, GOES_ON)


def refused(status: int, fault: str, *headers: str) -> BadCase:
    """Make a case of an upgrade that is refused."""
    name = " with ".join([f"refuses the upgrade: {status}", *headers])
    why = f"HTTP status {status}"
    return BadCase(name, (refuses(status, *headers),), "voice.lost", fault, why, "", SORRY)


def message(kind: str, **fields: object) -> bytes:
    """Write an event."""
    return json.dumps({"type": kind, **fields}).encode()


SPOKEN = {"response_id": "r1", "item_id": "i1", "content_index": 0}

ECHO = {"code": "invalid_api_key", "message": f"Incorrect API key provided: {told.KEY}"}
UNREAD = {"code": "invalid_value", "message": f"cannot read {told.AUDIO}"}

GOOD = BadCase("a good server", (in_between(told.nothing),), "", "", "", "", GOES_ON)
"""Beside all the others: it is not to notice any of them."""

NO_SESSION = [
    refused(401, "configuration"),
    refused(404, "configuration"),
    refused(429, "model", "Retry-After: 1"),
    refused(500, "model"),
    unreached("refuses TCP", "cannot connect"),
    unreached(
        "never answers the upgrade",
        "did not answer within 4 s",
        told.answers_no_upgrade,
        gets=LOST_LATE,
    ),
    BadCase(
        "opens, then says nothing",
        (told.says_nothing,),
        "voice.timeout",
        "model",
        "not granted in time",
        "",
        ("one moment", *SORRY),
    ),
    BadCase(
        "greets, then grants nothing",
        (told.grants_nothing,),
        "voice.timeout",
        "model",
        "not granted in time",
        "",
        ("one moment", *SORRY),
    ),
    BadCase(
        "grants, then answers nothing",
        (told.answers_nothing,),
        "voice.mute",
        "model",
        "answers nothing any more",
        "voice_unanswered_responses",
        ("one moment", *SORRY),
    ),
    BadCase(
        "grants after 4 s",
        (told.grants_late,),
        "",
        "",
        "",
        "",
        ("one moment", "greeting"),
    ),
]

ENDS = [
    lost("closes with 1001", "maximum duration", told.closes(1001, "maximum duration")),
    lost("closes with 1008", "not in this region", told.closes(1008, "not in this region")),
    lost("closes with 1011", "had an error", told.closes(1011, "The server had an error")),
    lost("closes with our key", "for [hidden]", told.closes(3000, f"no such model for {told.KEY}")),
    lost("hangs up without a close", "hung up", told.hangs_up),
    lost("breaks the connection", "the connection broke", told.breaks_the_connection),
    BadCase(
        "never answers the close",
        (told.answers_no_close,),
        "",
        "model",
        "did not answer the close",
        "voice_unanswered_closes",
        ("greeting",),
    ),
    lost("sends a frame of 20 MB", "longer than 8 MiB", told.sends_20_megabytes),
    lost("sends 20 MB in fragments", "longer than 8 MiB", told.sends_20_megabytes_in_fragments),
    lost("masks its frames", "broke the WebSocket protocol", told.masks_its_frames),
    lost(
        "stops reading",
        "took nothing",
        told.stops_reading,
        gets=("greeting", "one moment", "more"),
    ),
    lost_for_good("closes, then refuses all: 500", refuses(500), *["model"] * 5),
    lost_for_good("closes, then opens nothing", told.says_nothing),
    BadCase(
        "closes each session that it grants",
        (told.grants_and_closes,),
        "voice.lost",
        "model",
        "had an error",
        "",
        ("one moment", *SORRY),
        times=6,
    ),
    BadCase(
        "closes, then refuses: 401",
        (told.closes(1011, "The server had an error"), refuses(401)),
        "voice.lost",
        "model",
        "had an error",
        "",
        ("greeting", *SORRY),
        retries=("configuration",),
    ),
    BadCase(
        "closes, then refuses: 429 with Retry-After: 2",
        (
            told.closes(1011, "The server had an error"),
            refuses(429, "Retry-After: 2"),
            told.resumes,
        ),
        "voice.lost",
        "model",
        "had an error",
        "",
        ("greeting", "one moment", "more"),
        retries=("model",),
    ),
]

MESSAGES = [
    goes_on(
        "sends a binary frame of audio",
        "invalid_json",
        "not valid JSON",
        "voice_malformed",
        in_between(says_octets(bytes(range(256)), is_binary=True)),
    ),
    goes_on(
        "sends broken JSON",
        "invalid_json",
        "not valid JSON",
        "voice_malformed",
        in_between(says_octets(b'{"type":"response.created"')),
    ),
    goes_on(
        "sends JSON of another shape",
        "invalid_json",
        "not a JSON object",
        "voice_malformed",
        in_between(says_octets(b'["response.created"]')),
    ),
    goes_on(
        "sends a type that is no text",
        "invalid_value",
        "type",
        "voice_malformed",
        in_between(says_octets(b'{"type":7}')),
    ),
    goes_on(
        "sends an event of an unknown type",
        "voice.unknown_event",
        "'response.sung'",
        "voice_unknown",
        in_between(says({"type": "response.sung"})),
    ),
    goes_on(
        "leaves out what an event needs",
        "missing_required_parameter",
        "item: Field required",
        "voice_malformed",
        in_between(says({"type": "response.output_item.added"})),
    ),
    goes_on(
        "sends audio that is not base64",
        "bad_audio",
        "not base64",
        "voice_bad_audio",
        in_between(
            says({"type": "response.output_audio.delta", **SPOKEN, "delta": told.AUDIO + "%"})
        ),
    ),
    goes_on(
        "sends words in the place of a list",
        "invalid_value",
        "valid array",
        "voice_malformed",
        in_between(says({"type": "response.done", "response": {"output": told.WORDS}})),
    ),
    goes_on(
        "sends an error with audio in it",
        "invalid_value",
        "cannot read [hidden]",
        "voice_errors",
        in_between(says({"type": "error", "error": UNREAD})),
    ),
    goes_on(
        "sends an error",
        "server_error",
        "had an error",
        "voice_errors",
        in_between(
            says({"type": "error", "error": {"type": "server_error", "message": "had an error"}})
        ),
    ),
    goes_on(
        "sends an error with our key in it",
        "invalid_api_key",
        "provided: [hidden]",
        "voice_errors",
        in_between(says({"type": "error", "error": ECHO})),
    ),
    goes_on(
        "sends an error that names an event",
        "unknown_parameter",
        "session.speed",
        "voice_errors",
        in_between(told.warns_of_the_update),
    ),
    BadCase(
        "refuses the first response",
        (told.refuses_the_greeting,),
        "server_busy",
        "model",
        "Try again",
        "voice_errors",
        ("one moment",),
    ),
]

IDS = [
    BadCase(
        "sends audio of nothing known",
        (told.sends_audio_of_nothing_known,),
        "unknown_response",
        "model",
        "no response that began",
        "voice_unknown_audio",
        GOES_ON,
    ),
    goes_on(
        "sends audio after the response's end",
        "audio_after_done",
        "a response that has ended",
        "voice_audio_after_done",
        in_between(told.sends_audio_after_done),
    ),
    goes_on(
        "uses a response's id again",
        "id_reused",
        "response",
        "voice_reused_ids",
        in_between(told.nothing, response_id="r1"),
    ),
    goes_on(
        "uses an item's id again",
        "id_reused",
        "item",
        "voice_reused_ids",
        in_between(told.nothing, item_id="i1"),
    ),
    BadCase(
        "begins an interrupted response again",
        (told.cuts_a_response_and_begins_it_again,),
        "id_reused",
        "model",
        "response",
        "voice_reused_ids",
        GOES_ON,
        counted=2,
    ),
    BadCase(
        "uses a call's id again",
        (told.repeats_call_ids,),
        "id_reused",
        "model",
        "call",
        "voice_reused_ids",
        ("more",),
    ),
    BadCase(
        "uses one id for all events",
        (told.repeats_event_ids,),
        "",
        "",
        "",
        "",
        GOES_ON,
        differs="some servers do so by habit, and nothing here depends on it",
    ),
]

FORMATS = [
    BadCase(
        "grants another format",
        (told.grants_pcma,),
        "other_format",
        "model",
        "asked for pcmu",
        "voice_other_formats",
        ("more",),
    ),
    goes_on(
        "changes the format in mid-call",
        "other_format",
        "asked for pcmu",
        "voice_other_formats",
        in_between(told.changes_to_pcma, octet=told.MORE_IN_PCMA),
    ),
    goes_on(
        "changes to a format that nobody asked for",
        "unsupported_format",
        "audio/opus",
        "voice_malformed",
        in_between(told.changes_to_opus),
    ),
]

CASES = [GOOD, *NO_SESSION, *ENDS, *MESSAGES, *IDS, *FORMATS]
