"""The benchmark's load: any number of callers, each a SIP call with RTP at 50 packets a second.

Run as `python -m telephony.app.bench.callers`. One thread wakes every millisecond, sends what is
due, takes what has arrived (stamped by the kernel, so when it is read does not matter) and obeys
its parent. It measures its own lateness, too: a load that cannot keep up must not be taken for a
slow engine.
"""

import gc
import secrets
import time
from array import array
from collections.abc import Callable

from telephony.app.bench.caller import (
    FRAME_MS,
    FRAME_NS,
    FRAME_SAMPLES,
    Caller,
    CallerAudio,
)
from telephony.app.bench.command_pipe import CommandPipe, say
from telephony.app.bench.dialler import Dialler
from telephony.app.bench.messages import (
    CallersStarted,
    CloseCalls,
    Closed,
    Command,
    Dial,
    Dialled,
    Echo,
    Echoed,
    Measure,
    Measured,
)
from telephony.app.bench.pacing import gap_errors_ns, lateness_ns, timeline_jumps
from telephony.app.bench.quantiles import quantile_ms
from telephony.app.bench.schedule import SendSchedule
from telephony.engine.clock import monotonic_ns
from telephony.engine.udp import RtpSockets
from telephony.rtp import RtcpReporter, RtpSender
from telephony.sdp import PCMA, PCMU, TELEPHONE_EVENT, AgreedAudio, LocalMedia
from telephony.units import NS_PER_MS, NS_PER_SECOND, RtpTimestamp
from telephony_codecs import AudioFormat

__all__ = ["Callers", "main"]

LOOPBACK = "127.0.0.1"
RTP_PORTS = (40_000, 59_999)
"""Apart from the engine's own range."""
WAKE_NS = NS_PER_MS
SETUP_SECONDS = 15.0
"""After the last INVITE; calls that are not up by then have failed."""
CLOSE_SECONDS = 5.0
MARKER_EVERY_NS = 500 * NS_PER_MS
MARKER_SHIFT_NS = 7 * NS_PER_MS
"""All callers' packets move by this after each marker: a caller's place in the engine's 20 ms is
chance, and its echo would only ever be measured from there."""
ECHO_WAIT_NS = 500 * NS_PER_MS
SESSION_ID_BITS = 62


class Callers:
    """All callers of one benchmark.

    Args:
        pipe: Where commands come from.
    """

    def __init__(self, pipe: CommandPipe) -> None:
        """Open the signalling socket."""
        self._pipe = pipe
        self._dialler = Dialler(LOOPBACK, self._connect, self._disconnect)
        self._rtp = RtpSockets(RTP_PORTS, secrets.randbelow)
        self._callers: list[Caller] = []
        self._schedule = SendSchedule(1, FRAME_NS, monotonic_ns())
        self._send_late_ns = array("q")

    def run(self) -> None:
        """Obey until the parent is gone."""
        while not self._pipe.is_closed:
            for command in self._pipe.poll():
                self._obey(command)
            self._step()

    def _obey(self, command: Command) -> None:
        match command:
            case Dial():
                say(self._dial(command))
            case Measure():
                say(self._measure(command.seconds))
            case Echo():
                say(self._echo(command.seconds))
            case CloseCalls():
                say(self._close())
            case _:
                raise ValueError(f"callers have no command {command.do!r}")

    def _step(self) -> None:
        """Send, receive, signal; then sleep to the next millisecond."""
        now_ns = monotonic_ns()
        callers, late = self._callers, self._send_late_ns
        if callers:
            for index, due_ns in self._schedule.due(now_ns):
                callers[index].send()
                late.append(monotonic_ns() - due_ns)
        self._rtp.read(now_ns)
        self._dialler.step()
        left_ns = WAKE_NS - monotonic_ns() % WAKE_NS
        time.sleep(left_ns / NS_PER_SECOND)

    def _step_until(self, end_ns: int, is_done: Callable[[], bool] = lambda: False) -> None:
        while monotonic_ns() < end_ns and not is_done():
            self._step()

    def _dial(self, command: Dial) -> Dialled:
        audio = CallerAudio.of(AudioFormat[command.law])
        codec = PCMU if command.law == "PCMU" else PCMA
        self._callers = [self._make_caller(number, audio) for number in range(command.calls)]
        start_ns = monotonic_ns()
        self._schedule = SendSchedule(command.calls, FRAME_NS, start_ns)
        for caller in self._callers:
            host, port = caller.pair.address
            media = LocalMedia(
                host, port, secrets.randbits(SESSION_ID_BITS), (codec, TELEPHONE_EVENT), FRAME_MS
            )
            due_ns = start_ns + round(caller.number / command.calls_per_second * NS_PER_SECOND)
            self._step_until(due_ns)
            self._dialler.dial(caller.number, command.target, media)
        counts = self._dialler.counts

        def settled() -> bool:
            return len(counts.setups_ns) + counts.failures.total() >= command.calls

        self._step_until(monotonic_ns() + round(SETUP_SECONDS * NS_PER_SECOND), settled)
        setups_ns = sorted(counts.setups_ns)
        return Dialled(
            up=len(setups_ns),
            failed=command.calls - len(setups_ns),
            why=tuple(f"{why} ({count})" for why, count in counts.failures.items()),
            setup_p50_ms=quantile_ms(setups_ns, 0.5),
            setup_p95_ms=quantile_ms(setups_ns, 0.95),
        )

    def _make_caller(self, number: int, audio: CallerAudio) -> Caller:
        pair = self._rtp.open_pair(LOOPBACK)
        sender = RtpSender(
            ssrc=secrets.randbits(32),
            payload_type=0 if audio.audio_format is AudioFormat.PCMU else 8,
            sequence=secrets.randbits(16),
            timestamp=RtpTimestamp(secrets.randbits(32)),
        )
        reporter = RtcpReporter(
            cname=secrets.token_hex(8),
            random=lambda: secrets.randbelow(1 << 53) / (1 << 53),
            now_ns=monotonic_ns(),
        )
        caller = Caller(number, pair, sender, reporter, audio, monotonic_ns, time.time_ns)
        self._rtp.attach(pair, caller)
        return caller

    def _connect(self, number: int, agreed: AgreedAudio) -> None:
        remote, remote_rtcp = agreed.remote, agreed.remote_rtcp
        self._callers[number].connect(
            (remote.host, remote.port),
            (remote_rtcp.host, remote_rtcp.port) if remote_rtcp is not None else None,
        )

    def _disconnect(self, number: int) -> None:
        self._callers[number].disconnect()

    def _measure(self, seconds: float) -> Measured:
        del self._send_late_ns[:]
        for caller in self._callers:
            caller.is_measuring = True
        self._step_until(monotonic_ns() + round(seconds * NS_PER_SECOND))
        for caller in self._callers:
            caller.is_measuring = False
        return self._measured()

    def _measured(self) -> Measured:
        gaps: list[int] = []
        late: list[int] = []
        lost = jumps = 0
        for caller in self._callers:
            gaps += gap_errors_ns(caller.arrived.arrivals_ns, FRAME_NS)
            late += lateness_ns(caller.arrived, FRAME_SAMPLES, FRAME_NS)
            more_lost, more_jumps = timeline_jumps(caller.arrived, FRAME_SAMPLES)
            lost += more_lost
            jumps += more_jumps
        gaps.sort()
        late.sort()
        send_late = sorted(self._send_late_ns)
        return Measured(
            packets=sum(len(caller.arrived.arrivals_ns) for caller in self._callers),
            lost=lost,
            timeline_jumps=jumps,
            voiced=sum(caller.voiced for caller in self._callers),
            sent=len(send_late),
            gap_error_p50_ms=quantile_ms(gaps, 0.5),
            gap_error_p99_ms=quantile_ms(gaps, 0.99),
            gap_error_p99_9_ms=quantile_ms(gaps, 0.999),
            lateness_p99_ms=quantile_ms(late, 0.99),
            send_late_p99_ms=quantile_ms(send_late, 0.99),
            calls_lost=self._dialler.counts.ended_by_peer,
        )

    def _echo(self, seconds: float) -> Echoed:
        """Let every caller mark a packet, one after the other within each half second."""
        round_ns: int = monotonic_ns()
        end_ns = round_ns + round(seconds * NS_PER_SECOND)
        while round_ns < end_ns:
            for index, caller in enumerate(self._callers):
                self._step_until(round_ns + index * MARKER_EVERY_NS // len(self._callers))
                caller.mark()
            round_ns += MARKER_EVERY_NS
            self._step_until(round_ns)
            self._schedule.shift(MARKER_SHIFT_NS)
        self._step_until(monotonic_ns() + ECHO_WAIT_NS)
        for caller in self._callers:
            caller.settle_marker(None)
        return Echoed(markers=tuple(one for caller in self._callers for one in caller.markers))

    def _close(self) -> Closed:
        self._dialler.hang_up()
        end_ns = monotonic_ns() + round(CLOSE_SECONDS * NS_PER_SECOND)
        self._step_until(end_ns, lambda: not self._dialler.open_calls)
        left = self._dialler.open_calls
        for caller in self._callers:
            self._rtp.detach(caller.pair)
        self._callers = []
        return Closed(left=left)


def main() -> None:
    """Be the callers until standard input closes."""
    callers = Callers(CommandPipe(0))
    gc.freeze()
    gc.disable()
    say(CallersStarted())
    callers.run()


if __name__ == "__main__":
    main()
