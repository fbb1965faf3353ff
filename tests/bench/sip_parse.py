"""How many SIP messages one core reads and writes in a second, by CPU time.

    python -m tests.bench.sip_parse [--json]

The messages are a carrier's INVITE of 1.3 kB and its 200 of 0.9 kB. "Lazy" is what every message
costs: start line, header lines, Content-Length, body. "Typed" adds Via, From, To, Contact, CSeq and
Call-ID. "Checked" is all that `check_request` reads. "Answered" builds a 200 to the INVITE and
writes it; "serialized" writes one that exists.
"""

import json
import time
from collections.abc import Callable

from telephony.sip.message import Request, Response, check_request, parse_message
from tests.bench.costs import wants_json
from tests.support.sip_corpus import CORPUS

ROUNDS = 5
MESSAGES_PER_ROUND = 4_000


def per_second(work: Callable[[], object]) -> int:
    """Give the best of some rounds, in calls of `work` per second of CPU time."""
    best = 0.0
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(MESSAGES_PER_ROUND):
            work()
        best = max(best, MESSAGES_PER_ROUND / (time.process_time() - begun))
    return round(best)


def parse_typed(data: bytes) -> object:
    """Parse a message and read the six header fields that every transaction needs."""
    message = parse_message(data)
    return (
        message.via,
        message.from_,
        message.to,
        message.contact,
        message.cseq,
        message.call_id,
    )


def measure() -> dict[str, int]:
    """Measure every figure, in messages per second of CPU time.

    Raises:
        FileNotFoundError: The corpus is absent.
    """
    invite = (CORPUS / "bench" / "carrier-invite.sip").read_bytes()
    ok = (CORPUS / "bench" / "carrier-200.sip").read_bytes()
    request = parse_message(invite)
    response = parse_message(ok)
    assert isinstance(request, Request)
    return {
        "parse_lazy_per_s": per_second(lambda: parse_message(invite)),
        "parse_typed_per_s": per_second(lambda: parse_typed(invite)),
        "parse_checked_per_s": per_second(lambda: check_request(_request(invite))),
        "parse_200_lazy_per_s": per_second(lambda: parse_message(ok)),
        "parse_200_typed_per_s": per_second(lambda: parse_typed(ok)),
        "answer_200_per_s": per_second(lambda: _answer(request, response.body)),
        "serialize_200_per_s": per_second(response.to_bytes),
    }


def _request(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def _answer(request: Request, body: bytes) -> bytes:
    response = Response.for_request(request, 200, to_tag="8f1c2d3e")
    for value in request.headers.get_all("Record-Route"):
        response.headers.add("Record-Route", value)
    response.headers.add("Contact", "<sip:e1.77ab@192.0.2.9:5060>")
    response.headers.add("Content-Type", "application/sdp")
    response.body = body
    return response.to_bytes()


def main() -> None:
    """Print the figures."""
    as_json = wants_json(__doc__)
    figures = measure()
    if as_json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:24}{value:>12,}")


if __name__ == "__main__":
    main()
