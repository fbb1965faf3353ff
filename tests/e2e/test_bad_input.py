"""Whatever comes in, neither the call nor the process dies of it, and nobody waits in silence.

The product is `telephony serve` as a process, the model a scripted server that misbehaves, the
caller a script that keeps what it heard (issue: bad input).
"""

import random
import re
import socket
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support import baresip
from tests.support.baresip import Baresip, Phone
from tests.support.child import ROOT
from tests.support.listening_caller import ListeningCall
from tests.support.model_server import ScriptedModel
from tests.support.patience import PATIENCE_SECONDS
from tests.support.phones import MEGABYTE
from tests.support.ports import LOOPBACK
from tests.support.product import Product, Row
from tests.support.sip_dialog import Message, parse
from tests.support.wake_floor import WakeFloor

PROMPTS = ROOT / "telephony" / "local" / "prompts"
APOLOGY = (PROMPTS / "apology.ulaw").read_bytes()
FILLER = (PROMPTS / "one_moment.ulaw").read_bytes()
SILENCE_SECONDS = 3.0
"""Nobody is left in silence for longer (issue: bad input)."""
GAP_SECONDS = 0.4
"""Between two packets on a busy machine of two cores; in a call that is harmed they end.

Both hold beyond what the machine itself stood still."""
PROMPT_PART = 800
"""A tenth of a second of a prompt, from its loud middle, tells it from all else."""
OTHER_CALL = 999
EMPTY_SDP = "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"


@dataclass(frozen=True, slots=True)
class Rig:
    """The product, the scripted model, the phone that takes what nobody else can."""

    product: Product
    model: ScriptedModel
    fallback: Baresip | None
    numbers: Iterator[int]
    floor: WakeFloor

    def call(self, script: str, user: str = "agent") -> ListeningCall:
        """Place a call to a model that follows a script from now on."""
        self.model.command(f"script {script}")
        self.floor.take()
        return ListeningCall(self.product.uri(user), next(self.numbers))

    def stood_still_s(self) -> float:
        """Say how long this machine let nothing run since the call was placed."""
        return self.floor.take().worst_ms / 1000

    def rises(self, name: str, before: dict[str, float]) -> float:
        """Say how much a metric rose."""
        return self.product.metrics().get(name, 0.0) - before.get(name, 0.0)


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model = stack.enter_context(ScriptedModel("plain", folder / "model.jsonl"))
        nobody = stack.enter_context(socket.socket())
        nobody.bind((LOOPBACK, 0))
        fallback = None
        target = "sip:nobody@127.0.0.1:9"
        if baresip.missing_reason() is None:
            fallback = stack.enter_context(Baresip(Phone("fallback")))
            target = fallback.uri
        settings = (
            f'[realtime.absent]\nurl = "ws://{LOOPBACK}:{nobody.getsockname()[1]}"\n'
            f'[realtime.forwarded]\nurl = "{model.url}"\non_failure = "{target}"\n'
            f'[transfer]\nallow = ["{target}"]\n'
        )
        phone = "tests.support.phones:troubled"
        product = stack.enter_context(Product(folder, model.url, settings=settings, phone=phone))
        floor = stack.enter_context(WakeFloor())
        yield Rig(product, model, fallback, count(1), floor)
        assert product.is_running()
        strays = [one for one in product.log_text().splitlines() if not one.startswith("{")]
        assert strays == [], "something was printed past the log"


def newest_call(rig: Rig) -> str:
    return rig.product.call_ids()[-1]


def log_lines_with_fault(rig: Rig, begin: int) -> list[Row]:
    """Give the lines logged since `begin` that say whose fault something was."""
    return [line for line in rig.product.log_lines()[begin:] if "fault" in line]


def has_heard(prompt: bytes) -> Callable[[ListeningCall], bool]:
    """Tell whether a prompt was heard, by a part of its middle."""
    part = prompt[len(prompt) // 2 :][:PROMPT_PART]
    return lambda call: part in call.octets


def flood(address: tuple[str, int], datagrams: list[bytes]) -> None:
    """Send datagrams from a socket of nobody's, slowly enough for them to arrive."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for index, datagram in enumerate(datagrams):
            stranger.sendto(datagram, address)
            if index % 20 == 19:
                time.sleep(0.01)


def sip_address(rig: Rig) -> tuple[str, int]:
    return LOOPBACK, int(rig.product.sip_uri.rpartition(":")[2])


def invite(rig: Rig, contact: str, body: str, extra: str = "") -> bytes:
    """Write an INVITE of a caller who has nothing to lose."""
    token = f"{random.getrandbits(48):x}"
    lines = [
        f"INVITE {rig.product.uri()} SIP/2.0",
        f"Via: SIP/2.0/UDP {contact};branch=z9hG4bK{token}",
        "Max-Forwards: 70",
        f"From: <sip:stranger@{contact}>;tag={token}",
        f"To: <{rig.product.uri()}>",
        f"Call-ID: {token}",
        "CSeq: 1 INVITE",
        f"Contact: <sip:stranger@{contact}>",
        *([extra] if extra else []),
        "Content-Type: application/sdp",
        f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@contextmanager
def bound() -> Generator[tuple[socket.socket, str]]:
    """Give a socket of a caller's, and its host and port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        caller.bind((LOOPBACK, 0))
        caller.settimeout(PATIENCE_SECONDS)
        yield caller, f"{LOOPBACK}:{caller.getsockname()[1]}"


def exchange(rig: Rig, caller: socket.socket, request: bytes) -> Message:
    """Send a request, and give the final answer to it."""
    caller.sendto(request, sip_address(rig))
    while True:
        answer = parse(caller.recv(65_535))
        if answer is not None and answer.status >= 200:
            return answer


def followed(request: bytes, method: str, answer: Message, extra: bytes = b"") -> bytes:
    """Write what follows in the dialog of an INVITE: its ACK, or a BYE."""
    head = request.partition(b"\r\nContent-Type")[0].replace(b"INVITE", method.encode())
    head = re.sub(rb"(?m)^To:.*$", b"To: " + answer.get("to").encode() + b"\r", head)
    if method != "ACK":
        head = head.replace(b"CSeq: 1 ", b"CSeq: 2 ").replace(b"branch=z9hG4bK", b"branch=z9hG4bKx")
    return head + extra + b"\r\nContent-Length: 0\r\n\r\n"


def final_answer(rig: Rig, body: str) -> Message:
    """Send an INVITE with a description, and give the final answer to it."""
    with bound() as (caller, contact):
        request = invite(rig, contact, body)
        answer = exchange(rig, caller, request)
        caller.sendto(followed(request, "ACK", answer), sip_address(rig))
        return answer


# ---- datagrams ------------------------------------------------------------------------------


def test_garbage_at_the_sip_port_harms_no_call(rig: Rig) -> None:
    chance = random.Random(1)
    whole = invite(rig, f"{LOOPBACK}:9", EMPTY_SDP)
    datagrams = [
        b"",
        b"\r\n\r\n",
        b"\0" * 1000,
        *(chance.randbytes(chance.randrange(1, 1400)) for _ in range(100)),
        *(whole[:length] for length in range(1, whole.index(b"\r\n\r\n"), 7)),
        whole.replace(b"Max-Forwards", b"X: " + b"x" * 60_000 + b"\r\nMax-Forwards")[:65_000],
        whole.replace(b"INVITE", b"\xff\xfe\xfd", 1),
        whole.replace(b"CSeq: 1", b"CSeq: 99999999999"),
    ]
    before, logged = rig.product.metrics(), len(rig.product.log_lines())
    with rig.call("long") as call:
        call.wait_until(lambda one: len(one.heard) > 20)
        flood(sip_address(rig), datagrams)
        time.sleep(1.5)
        assert not call.is_ended
        assert call.longest_gap_s() < GAP_SECONDS + rig.stood_still_s()
        with rig.call("long") as another:
            another.wait_until(lambda one: len(one.heard) > 5)
    refused = 'telephony_engine_events_total{kind="sip_rejected"}'
    assert rig.rises(refused, before) >= 100
    lines = [line for line in log_lines_with_fault(rig, logged) if "source" in line]
    assert 1 <= len(lines) < 10, "a flood of garbage became a flood of lines"
    assert all(line["fault"] == "peer" and line["why"] for line in lines)


def rtp(payload_type: int, sequence: int, payload: bytes, ssrc: int = 7) -> bytes:
    head = bytes([0x80, payload_type]) + sequence.to_bytes(2, "big")
    return head + (160 * sequence).to_bytes(4, "big") + ssrc.to_bytes(4, "big") + payload


def test_garbage_and_strangers_at_the_rtp_port_are_refused_and_counted(rig: Rig) -> None:
    chance = random.Random(2)
    before = rig.product.metrics()
    with rig.call("long") as call:
        call.wait_until(lambda one: len(one.heard) > 20)
        call_id = newest_call(rig)
        stranger = [rtp(0, number, bytes([0x10]) * 160) for number in range(50)]
        flood(call.far_rtp, stranger)
        flood((LOOPBACK, call.far_rtp[1] + 1), [chance.randbytes(40) for _ in range(20)])
        own = [
            b"",
            b"\x80",
            *(chance.randbytes(11) for _ in range(10)),
            b"\x40" + bytes(171),
            rtp(0, 1, bytes(60_000)),
            rtp(0, 2, bytes(2036)),
        ]
        for datagram in own:
            call.send_datagram(datagram)
        for number in range(30):
            call.send_datagram(rtp(96, number, bytes(160)))
        time.sleep(1.0)
        assert not call.is_ended
        assert call.longest_gap_s() < GAP_SECONDS + rig.stood_still_s()
    ended = rig.product.wait_for_row(call_id, "call.ended")
    counters = ended["counters"]
    assert counters["rtp_refused"] in range(50, 53)
    assert counters["rtp_malformed"] == len(own)
    assert counters["rtcp_malformed"] == 20
    assert counters["rtp_wrong_payload_type"] == 30
    assert counters["uplink_appended"] == (
        counters["uplink_span"] + counters["uplink_inserted"] - counters["uplink_dropped"]
    )
    sent_ms = 20 * counters["rtp_received"]
    assert sent_ms == pytest.approx(ended["duration_ms"], abs=200), "others were let in"
    assert rig.rises('telephony_rtp_packets_total{kind="refused"}', before) >= 50
    assert rig.rises('telephony_rtp_packets_total{kind="wrong_payload_type"}', before) == 30


# ---- descriptions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "warning"),
    [
        (EMPTY_SDP, "304"),
        (EMPTY_SDP + "m=video 40000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", "304"),
        (EMPTY_SDP + "m=audio 40000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n", "305"),
        (EMPTY_SDP.replace("IP4 127.0.0.1", "IP6 ::1") + "m=audio 40000 RTP/AVP 0\r\n", "301"),
        (EMPTY_SDP + "m=audio 40000 RTP/SAVP 0\r\n", "302"),
    ],
    ids=["no media", "no audio", "no common codec", "wrong address family", "wrong transport"],
)
def test_description_without_a_way_to_talk_is_answered_488(
    rig: Rig, body: str, warning: str
) -> None:
    before, logged = rig.product.metrics(), len(rig.product.log_lines())
    answer = final_answer(rig, body)
    assert answer.status == 488
    assert answer.get("warning").startswith(f"{warning} telephony ")
    lines = log_lines_with_fault(rig, logged)
    assert [(line["fault"], line["status"]) for line in lines] == [("peer", 488)]
    time.sleep(1.1)
    kind = 'telephony_engine_events_total{kind="calls_not_acceptable"}'
    assert rig.rises(kind, before) == 1


def test_damaged_description_is_answered_400(rig: Rig) -> None:
    assert final_answer(rig, "v=0\r\nthis is no description\r\n").status == 400


# ---- text that is not UTF-8 -----------------------------------------------------------------


def test_latin_1_in_a_name_and_a_reason_costs_no_call_and_hides_no_end(rig: Rig) -> None:
    rig.model.command("script plain")
    with bound() as (caller, contact), bound() as (_, media):
        port = media.rpartition(":")[2]
        body = EMPTY_SDP + f"m=audio {port} RTP/AVP 0\r\n"
        request = invite(rig, contact, body, "X-City: K?ln").replace(b"K?ln", b"K\xf6ln")
        request = request.replace(b"From: <", b'From: "M\xfcller" <')
        answer = exchange(rig, caller, request)
        assert answer.status == 200
        caller.sendto(followed(request, "ACK", answer), sip_address(rig))
        call_id = newest_call(rig)
        incoming = rig.product.wait_for_row(call_id, "call.incoming")
        assert incoming["caller_name"] == "M\N{REPLACEMENT CHARACTER}ller"
        assert ["X-City", "K\N{REPLACEMENT CHARACTER}ln"] in incoming["headers"]
        rig.product.wait_for_row(call_id, "call.answered")
        reason = b'\r\nReason: SIP;cause=200;text="l\xe4uft"'
        assert exchange(rig, caller, followed(request, "BYE", answer, reason)).status == 200
    ended = rig.product.wait_for_row(call_id, "call.ended")
    assert ended["by"] == "remote"
    assert "l\N{REPLACEMENT CHARACTER}uft" in ended["cause"]


# ---- realtime servers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "user", "fault", "why", "losses"),
    [
        ("plain", "absent", "model", "cannot connect", 1),
        ("refuses-key", "agent", "configuration", "HTTP status 401", 1),
        ("closes", "agent", "model", "hung up|broke|clos|connect", 6),
    ],
)
def test_lost_model_is_apologized_for_and_the_call_ends(
    rig: Rig, script: str, user: str, fault: str, why: str, losses: int
) -> None:
    """A call that had a session gets five others, each of which is lost as soon."""
    before, logged = rig.product.metrics(), len(rig.product.log_lines())
    with rig.call(script, user) as call:
        call.wait_until(has_heard(APOLOGY))
        call.wait_until(lambda one: one.is_ended)
        silence_s = call.longest_silence_s(call.answered_s)
        assert silence_s < SILENCE_SECONDS + rig.stood_still_s()
    ended = rig.product.wait_for_row(newest_call(rig), "call.ended")
    assert ended["by"] == "failure"
    assert str(ended["cause"]).startswith("the voice session was lost: ")
    lines = log_lines_with_fault(rig, logged)
    assert [(line["fault"], line["code"]) for line in lines] == [(fault, "voice.lost")] * losses
    assert all(re.search(why, line["why"]) for line in lines), lines
    lost = f'telephony_trouble_total{{code="voice.lost",fault="{fault}"}}'
    assert rig.rises(lost, before) == losses


def test_model_that_stops_reading_is_left_for_another_session(rig: Rig) -> None:
    logged = len(rig.product.log_lines())
    with rig.call("stops-reading") as call:
        restored = rig.product.wait_for_row(newest_call(rig), "voice.restored")
        assert not call.is_ended
        silence_s = call.longest_silence_s(call.answered_s)
        assert silence_s < SILENCE_SECONDS + rig.stood_still_s()
    assert (restored["epoch"], restored["items"]) == (1, 1), "the words that it had said"
    (line,) = log_lines_with_fault(rig, logged)
    assert (line["fault"], line["code"]) == ("model", "voice.lost")
    assert "took nothing" in line["why"]


def test_model_that_only_fails_is_apologized_for_and_the_call_ends(rig: Rig) -> None:
    logged = len(rig.product.log_lines())
    with rig.call("fails") as call:
        call.wait_until(has_heard(FILLER))
        call.wait_until(has_heard(APOLOGY))
        call.wait_until(lambda one: one.is_ended)
        assert call.longest_silence_s(call.answered_s) < SILENCE_SECONDS
    ended = rig.product.wait_for_row(newest_call(rig), "call.ended")
    assert ended["by"] == "failure"
    assert ended["cause"] == "the voice session was lost: it failed 3 responses in a row"
    lines = log_lines_with_fault(rig, logged)
    assert [(line["fault"], line["code"]) for line in lines] == [
        *[("model", "response.failed")] * 3,
        ("model", "voice.failing"),
    ]


@pytest.mark.peers
@pytest.mark.skipif(baresip.missing_reason() is not None, reason=str(baresip.missing_reason()))
def test_caller_of_a_lost_model_is_transferred_where_the_settings_say_so(rig: Rig) -> None:
    assert rig.fallback is not None
    rig.model.command("script closes")
    with Baresip(Phone("caller")) as caller:
        caller.dial(rig.product.uri("forwarded"))
        caller.wait_for("CALL_ESTABLISHED")
        rig.fallback.wait_for("CALL_ESTABLISHED")
        ended = rig.product.wait_for_row(newest_call(rig), "transfer.ended")
        assert (ended["target"], ended["outcome"]) == (rig.fallback.uri, "connected")
        rows = rig.product.rows(newest_call(rig))
    said = [row["type"] for row in rows if row["type"] in {"playout.finished", "transfer.started"}]
    assert said[-2:] == ["playout.finished", "transfer.started"], "the apology was not waited for"


@pytest.mark.parametrize(
    ("script", "codes", "counter"),
    [
        ("broken-json", ["invalid_json"], "voice_malformed"),
        (
            "unknown-events",
            ["voice.unknown_event", "missing_required_parameter"],
            "voice_unknown",
        ),
        ("bad-base64", ["bad_audio"], "voice_bad_audio"),
        ("audio-after-cut", [], "voice_late_deltas"),
    ],
)
def test_model_that_talks_nonsense_is_heard_on(
    rig: Rig, script: str, codes: list[str], counter: str
) -> None:
    before, logged = rig.product.metrics(), len(rig.product.log_lines())
    with rig.call(script) as call:
        call.wait_until(lambda one: bool(one.heard) and one.heard[-1].is_audible)
        time.sleep(3.0)
        assert not call.is_ended
        silence_s = call.longest_silence_s(call.answered_s)
        assert silence_s < SILENCE_SECONDS + rig.stood_still_s()
    lines = log_lines_with_fault(rig, logged)
    assert [(line["fault"], line["code"]) for line in lines] == [("model", code) for code in codes]
    time.sleep(1.1)
    assert rig.rises(f'telephony_engine_events_total{{kind="{counter}"}}', before) >= 1


# ---- tools ----------------------------------------------------------------------------------


def output_of(rig: Rig, call: int) -> str:
    """Give what the model was told that a tool of a call gave back."""
    rows: list[dict[str, Any]] = [
        row for row in rig.model.rows() if row["call"] == call and row["kind"] == "client"
    ]
    items = [row["fields"]["item"] for row in rows if row["event"] == "conversation.item.create"]
    return str(items[-1]["output"])


@pytest.mark.parametrize(
    ("tool", "told", "how", "words"),
    [
        ("raises", "error: raises failed: RuntimeError", "failed", "tool failed"),
        ("hangs", "error: hangs did not answer within 6 s", "timeout", "tool timed out"),
        ("returns_a_megabyte", f"has {MEGABYTE} characters]", "too_long", "tool result cut"),
    ],
)
def test_tool_that_fails_is_told_to_the_model_which_goes_on(
    rig: Rig, tool: str, told: str, how: str, words: str
) -> None:
    before, logged = rig.product.metrics(), len(rig.product.log_lines())
    with rig.call("talkative") as call:
        call.wait_until(lambda one: len(one.heard) > 40)
        asked_s = time.monotonic()
        assert rig.model.command(f"tool {call.number} {tool}")["ok"]
        rig.product.wait_for_row(newest_call(rig), "tool.requested")
        call.wait_until(lambda _: len(responses(rig)) > 2)
        answered_s = time.monotonic()
        time.sleep(0.5)
        assert not call.is_ended
        silence_s = call.longest_silence_s(asked_s, answered_s + 0.5)
        assert silence_s < SILENCE_SECONDS + rig.stood_still_s()
        assert has_heard(FILLER)(call) == (tool == "hangs")
    assert told in output_of(rig, call.number)
    assert len(output_of(rig, call.number)) < 20_000
    (line,) = log_lines_with_fault(rig, logged)
    assert (line["fault"], line["event"], line["tool"]) == ("tool", words, tool)
    assert rig.rises(f'telephony_tool_failures_total{{how="{how}"}}', before) == 1


def responses(rig: Rig) -> list[Row]:
    rows = rig.product.rows(newest_call(rig))
    return [row for row in rows if row["type"] == "agent.response_ended"]
