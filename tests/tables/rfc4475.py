"""Table rfc4475: what our parser and a whole endpoint make of the 49 torture messages of RFC 4475.

A parser's verdict counts with the fields read: Via, From, To, Contact, CSeq, Call-ID,
Content-Length, Max-Forwards and the Request-URI. An accepted message must also come out octet for
octet as it went in. The answer is that of an endpoint which has no dialog.

One answer differs on purpose, and the table says so instead of calling it good. `wsinv` has a To
tag that nobody here gave out. RFC 3261 section 12.2.2 lets a UAS take such an INVITE as a new call,
to live through a crash, or refuse it with 481. A dialog that we have lost is a call whose agent has
forgotten everything: taken anew, it would greet a caller in mid-sentence, and with the route set
and our last CSeq gone a BYE of ours might not be taken. A 481 ends the call at the peer at once
(section 14.1); whoever calls again gets an agent that knows where it stands.
"""

from telephony.sip import IncomingInvite
from telephony.sip.message import (
    Request,
    Response,
    SipSyntaxError,
    check_request,
    check_response,
    parse_message,
)
from tests.support.sip_corpus import CORPUS, rfc4475_expected, rfc4475_message
from tests.support.sip_peer import Bench
from tests.tables.row import Row

VERSION_NOT_SUPPORTED = 505
"""A version we do not speak is well-formed SIP: accepted by the parser, then answered with 505."""
UNANSWERED = frozenset({"stray", "drop"})
"""EXPECTED.tsv's words for what gets no answer and does no harm."""
ON_PURPOSE = {
    ("wsinv", "process", "481"): "To tag of no dialog: 481, RFC 3261 12.2.2 lets us choose"
}
"""(message, answer asked for, our answer) -> why."""


def run() -> list[Row]:
    """Judge every message; a single failed row where the corpus is absent."""
    if not CORPUS.is_dir():
        return [Row("corpus", ok=False, figures={"wanted": "../shared/corpus", "got": "absent"})]
    return [judge(name, verdict, answer) for name, verdict, answer in rfc4475_expected()]


def judge(name: str, verdict: str, answer: str) -> Row:
    """Judge one message: what is asked of parser and endpoint, and what they did."""
    data = rfc4475_message(name)
    parsed, answered = parser_verdict(data), endpoint_answer(data)
    is_fit = answered in answer.split("|") or (answered == "none" and answer in UNANSWERED)
    differs = "" if is_fit else ON_PURPOSE.get((name, answer, answered), "")
    return Row(
        name,
        ok=parsed.split()[0] in verdict.split("|") and bool(is_fit or differs),
        figures={
            "parser_wanted": verdict,
            "parser": parsed,
            "answer_wanted": answer,
            "answer": answered,
        },
        differs=differs,
    )


def parser_verdict(data: bytes) -> str:
    """Parse and read one message: "accept", or "reject" and why."""
    try:
        message = parse_message(data)
        error = faults_of(message)
        if error is None:
            return "accept" if data.startswith(message.to_bytes()) else "changed"
    except SipSyntaxError as caught:
        error = caught
    if error.sip_status == VERSION_NOT_SUPPORTED:
        return "accept"
    return f"reject ({error.reason if error.partial else error})"


def faults_of(message: Request | Response) -> SipSyntaxError | None:
    """Read the fields of a message that was parsed."""
    return check_request(message) if isinstance(message, Request) else check_response(message)


def endpoint_answer(data: bytes) -> str:
    """Send one message to an endpoint: the status it answers, "process" for a new call, "none"."""
    bench = Bench()
    bench.receive(data)
    statuses = bench.statuses()
    if statuses:
        return "|".join(map(str, statuses))
    is_call = any(isinstance(event, IncomingInvite) for event in bench.events)
    return "process" if is_call else "none"
