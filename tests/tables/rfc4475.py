"""Table rfc4475: what the parser says of each of the 49 torture messages of RFC 4475.

A verdict counts with the fields read: Via, From, To, Contact, CSeq, Call-ID, Content-Length,
Max-Forwards and the Request-URI. An accepted message must also come out octet for octet as it went
in; a refused request must say how it can be answered, a refused response that it cannot.
"""

from telephony.sip.message import (
    Request,
    Response,
    SipSyntaxError,
    check_request,
    check_response,
    parse_message,
)
from tests.support.sip_corpus import CORPUS, rfc4475_expected, rfc4475_message
from tests.tables.row import Row

VERSION_NOT_SUPPORTED = 505
"""A version we do not speak is well-formed SIP: accepted by the parser, then answered with 505."""


def run() -> list[Row]:
    """Judge every message; a single failed row where the corpus is absent."""
    if not CORPUS.is_dir():
        return [Row("corpus", ok=False, figures={"wanted": "../shared/corpus", "got": "absent"})]
    return [judge(name, verdict, answer) for name, verdict, answer in rfc4475_expected()]


def judge(name: str, verdict: str, answer: str) -> Row:
    """Judge one message: what the RFC asks for, and what we did."""
    got, fits_answer = outcome(rfc4475_message(name), answer)
    ok = got.split()[0] in verdict.split("|") and fits_answer
    return Row(name, ok, {"wanted": f"{verdict} {answer}", "got": got})


def outcome(data: bytes, answer: str) -> tuple[str, bool]:
    """Parse and read one message: what came of it, and whether that fits the answer asked for."""
    try:
        message = parse_message(data)
        error = faults_of(message)
        if error is None:
            is_unchanged = data.startswith(message.to_bytes())
            return ("accept" if is_unchanged else "accept changed"), is_unchanged
    except SipSyntaxError as caught:
        error = caught
    status = str(error.sip_status)
    if error.sip_status == VERSION_NOT_SUPPORTED:
        return f"accept {status}", status in answer.split("|")
    if error.partial is None:
        return f"reject drop ({error})", answer == "drop"
    return f"reject {status} {error.reason}", status in answer.split("|")


def faults_of(message: Request | Response) -> SipSyntaxError | None:
    """Read the fields of a message that was parsed."""
    return check_request(message) if isinstance(message, Request) else check_response(message)
