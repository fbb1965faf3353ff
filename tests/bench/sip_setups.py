"""CPU per call of the SIP core: INVITE, 180, 200, ACK, BYE, 200, with every timer armed and run.

`python -m tests.bench.sip_setups [CALLS]` prints one JSON object. The caller's messages are written
beforehand; only what the endpoint does is timed, its clean-up 32 s later included.
"""

import gc
import itertools
import json
import sys
import time

from telephony.sip import EndpointSettings, IncomingInvite, ListenAddress, SipEndpoint, Transmit
from telephony.units import NS_PER_MS, Nanoseconds
from tests.support.sip_peer import ANSWER, OFFER, PEER, request

LOCAL = ListenAddress("UDP", "192.0.2.1", 5060)
SPACING_NS = NS_PER_MS


class Uas:
    """An endpoint that answers each call at once."""

    def __init__(self) -> None:
        numbers = itertools.count()
        settings = EndpointSettings(
            advertised={"UDP": ("192.0.2.1", 5060)}, max_transactions=10**6, max_dialogs=10**6
        )
        self.endpoint = SipEndpoint(settings, lambda: f"e1-{next(numbers):08x}", lambda: 0.5)
        self.sent = 0

    def receive(self, data: bytes, now_ns: Nanoseconds) -> None:
        self.endpoint.handle_datagram(data, PEER, LOCAL, now_ns)
        self.drain(now_ns)

    def run_to(self, now_ns: Nanoseconds) -> None:
        """Serve every deadline up to a time."""
        while (due := self.endpoint.next_deadline()) is not None and due <= now_ns:
            self.endpoint.handle_timer(due)
            self.drain(due)

    def drain(self, now_ns: Nanoseconds) -> None:
        while (output := self.endpoint.poll_output()) is not None:
            if isinstance(output, Transmit):
                self.sent += 1
            elif isinstance(output, IncomingInvite):
                output.session.ring(now_ns)
                output.session.answer(ANSWER, now_ns)


def script(calls: int) -> list[tuple[bytes, ...]]:
    """Write the caller's messages; our tags are foreseen from the order they are minted in."""

    def write(method: str, number: int, *, tag: str = "", cseq: int = 1) -> bytes:
        branch, call_id = f"z9hG4bK-{method}-{number}", f"call-{number}"
        body = OFFER if method == "INVITE" else b""
        text = request(method, branch=branch, call_id=call_id, to_tag=tag, cseq=cseq, body=body)
        return text.encode()

    return [
        (
            write("INVITE", number),
            write("ACK", number, tag=f"e1-{number + 2:08x}"),
            write("BYE", number, tag=f"e1-{number + 2:08x}", cseq=2),
        )
        for number in range(calls)
    ]


def main() -> None:
    """Measure, and print one JSON object."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    messages = script(calls)
    uas = Uas()
    gc.collect()
    gc.disable()
    started = time.process_time()
    for number, (invite, ack, bye) in enumerate(messages):
        now = Nanoseconds(number * SPACING_NS)
        uas.run_to(now)
        uas.receive(invite, now)
        uas.receive(ack, now)
        uas.receive(bye, now)
    most = uas.endpoint.transaction_count
    uas.run_to(Nanoseconds(calls * SPACING_NS + 100_000 * NS_PER_MS))
    cpu_s = time.process_time() - started
    gc.enable()
    endpoint = uas.endpoint
    left = endpoint.transaction_count + endpoint.dialog_count + endpoint.timer_count
    result = {
        "calls": calls,
        "cpu_ms_per_setup": round(1000 * cpu_s / calls, 4),
        "setups_per_s": round(calls / cpu_s),
        "messages_sent": uas.sent,
        "transactions_at_most": most,
        "left": left,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
