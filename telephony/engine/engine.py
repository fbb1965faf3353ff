"""The engine: SIP, RTP, voice sessions and the calls that join them. One thread, no user code."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from telephony.call import (
    Call,
    CallCommand,
    CallEnded,
    CallEvent,
    CallPlaced,
    CallSettings,
    CallState,
    EngineReport,
    EventLog,
    HangUp,
    HostedActDone,
    HostedActRequested,
    HostedLeg,
    PlaceCall,
    Prompts,
    ReceiveHosted,
    SipLeg,
    TroubleNoted,
    VoicePlan,
)
from telephony.engine.channel import client_context
from telephony.engine.clock import monotonic_ns, wall_seconds
from telephony.engine.engine_call import EngineCall
from telephony.engine.incoming import describe, describe_hosted
from telephony.engine.keepalive import KeepaliveSettings
from telephony.engine.legs import Legs, random_fraction
from telephony.engine.link import EngineLink
from telephony.engine.log import is_worth_a_line, log
from telephony.engine.media_clock import MediaClock
from telephony.engine.realtime_socket import SocketSettings
from telephony.engine.settings import EngineSettings
from telephony.engine.sip_sockets import SipSockets
from telephony.engine.slot_timer import make_slot_timer
from telephony.engine.sources import AllowedSources
from telephony.engine.tap import MediaTap
from telephony.engine.udp import RtpSocketPair, RtpSockets
from telephony.engine.voice_link import VoiceLink
from telephony.errors import RemoteError, TelephonyError
from telephony.sip import (
    EndpointSettings,
    IncomingInvite,
    ListenAddress,
    MessageRejected,
    RequestForbidden,
    SipEndpoint,
    SipEvent,
)
from telephony.units import NS_PER_SECOND, Nanoseconds, ms_to_ns
from telephony.voice import VoiceEvent

__all__ = ["Engine"]

SERVICE_UNAVAILABLE = 503
TOKEN_OCTETS = 9
REPORT_SECONDS = 1.0
"""How often the app is told how the engine does."""
LONGEST_RING_SECONDS = 180
"""What `RingCall` may ask for."""
HOSTED_WORDS_NS = Nanoseconds(12 * NS_PER_SECOND)
"""For words that a provider plays, and may not tell of, to be out before a hang-up or transfer."""


class Engine:
    """All calls of one process.

    Args:
        settings: What it was told.
        link: The way to the app.
        prompts: Audio of our own.
        make_tap: Gives a call, by its id, a tap on its audio; None for most.
    """

    def __init__(
        self,
        settings: EngineSettings,
        link: EngineLink,
        prompts: Prompts,
        make_tap: Callable[[str], MediaTap | None] = lambda _call_id: None,
    ) -> None:
        """Open nothing yet."""
        self._make_tap = make_tap
        self._settings = settings
        self._link = link
        self._prompts = prompts
        self._allowed = AllowedSources(settings.allowed_sources)
        self._sip = SipSockets(self._handle_sip_event, self._allowed)
        self._rtp = RtpSockets(settings.rtp_ports, secrets.randbelow)
        self._clock = MediaClock(self._rtp.read)
        self._legs = Legs(settings, self._rtp, lambda: self._sip.addresses)
        self._endpoint: SipEndpoint | None = None
        self._calls: dict[str, EngineCall] = {}
        self._by_session: dict[object, EngineCall] = {}
        self._voice = SocketSettings(
            connect_seconds=settings.connect_seconds,
            tls=client_context(),
            next_slot=self._clock.next_slot,
            on_unanswered_close=self._note_unanswered_close,
        )
        self._call_settings = CallSettings(
            routing_ns=_seconds(settings.routing_seconds),
            grant_ns=_seconds(settings.grant_seconds),
            grant_limit_ns=_seconds(settings.grant_limit_seconds),
            words_ns=_seconds(settings.words_seconds),
            max_duration_ns=_seconds(settings.max_call_seconds),
        )
        self._reporting: asyncio.TimerHandle | None = None
        self.counters: Counter[str] = Counter()

    async def start(self) -> list[ListenAddress]:
        """Bind, and take calls from now on.

        Raises:
            TransportError: An address is in use, or not ours.
        """
        settings = self._settings
        await self._sip.open(settings.sip)
        sockets = {one: (settings.advertise or one.host, one.port) for one in self._sip.addresses}
        self._endpoint = SipEndpoint(
            EndpointSettings(
                advertised={one.transport: where for one, where in reversed(sockets.items())},
                sockets=sockets,
                user_agent=settings.user_agent,
                ring_limit_ns=_seconds(settings.ring_seconds),
                allowed_sources=self._allowed,
                answer_limit_ns=_seconds(_answer_limit_seconds(settings)),
                reply_to_source=settings.is_nat,
                accepts_refer=settings.accepts_refer,
            ),
            self.token,
            random_fraction,
        )
        self._sip.start(self._endpoint)
        self._clock.start(partial(make_slot_timer, asyncio.get_running_loop()))
        self._report()
        return self._sip.addresses

    def _report(self) -> None:
        """Tell the app how we do, and plan the next time."""
        clock = self._clock
        counters = {
            **self.counters,
            "late_slots": clock.late_slots,
            "skipped_packets": clock.skipped_packets,
        }
        self._link.send(
            EngineReport(
                engine_id=self._settings.engine_id,
                calls=len(self._calls),
                clock_late_ns=clock.take_worst_late_ns(),
                counters=counters,
            )
        )
        self._reporting = asyncio.get_running_loop().call_later(REPORT_SECONDS, self._report)

    def token(self) -> str:
        """Mint an id; it begins with the engine's."""
        return self._settings.engine_id + secrets.token_hex(TOKEN_OCTETS)

    async def serve(self) -> None:
        """Carry out the app's commands until the link ends; then `stop` is due."""
        try:
            async for command in self._link.commands():
                self.handle_command(command)
        except RemoteError as wrong:
            log.error("the app sent no command", why=str(wrong), fault="ours")
        log.info("link ended", calls=len(self._calls))

    async def stop(self, grace_seconds: float = 2.0) -> None:
        """Take no more calls, hang up those that are up, and close all sockets."""
        if self._endpoint is not None:
            self._endpoint.draining = True
        for call in list(self._calls.values()):
            call.command(HangUp(cause="engine stopped"))
        until = monotonic_ns() + round(grace_seconds * NS_PER_SECOND)
        # The core has no event to wait for: it is asked until its last dialog is gone.
        while monotonic_ns() < until and self._endpoint and self._endpoint.dialog_count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        if self._reporting is not None:
            self._reporting.cancel()
        self._clock.stop()
        await self._sip.close()

    def handle_command(self, command: CallCommand) -> None:
        """Carry out one command; one for a call that is gone is dropped."""
        match command.body:
            case PlaceCall() as order:
                self._place(command.call_id, order)
                return
            case ReceiveHosted() as told:
                self._receive_hosted(command.call_id, told)
                return
            case _:
                pass
        call = self._calls.get(command.call_id)
        if call is None:
            # What came of a hang-up is told of a call that is over.
            self.counters["commands_for_no_call"] += not isinstance(command.body, HostedActDone)
            return
        call.command(command.body)

    def _handle_sip_event(self, event: SipEvent) -> None:
        match event:
            case IncomingInvite():
                self._handle_invite(event)
            case MessageRejected(reason=reason, source=source):
                where = f"{source[0]}:{source[1]}" if source else "unknown"
                self._note_refusal("sip_rejected", "SIP message refused", why=reason, source=where)
            case RequestForbidden(method=method, source=source):
                self._note_refusal(
                    "calls_forbidden",
                    "SIP request refused: source not allowed",
                    method=method,
                    source=source[0],
                )
            case _:
                session = getattr(event, "session", None)
                call = self._by_session.get(session)
                if call is not None:
                    call.handle_sip(event)

    def _note_unanswered_close(self, server: str) -> None:
        """Count it and say so: the log of the call is closed by then, mostly."""
        self.counters["voice_unanswered_closes"] += 1
        why = "the server did not answer the close"
        log.warning("voice session broken off", server=server, why=why, fault="model")

    def _note_refusal(self, counter: str, text: str, **details: object) -> None:
        """Count what a peer was refused; whoever may flood us does not flood the log."""
        self.counters[counter] += 1
        count = self.counters[counter]
        if is_worth_a_line(count):
            log.warning(text, **details, fault="peer", count=count)

    def _handle_invite(self, invite: IncomingInvite) -> None:
        now_ns = monotonic_ns()
        if len(self._calls) >= self._settings.max_calls:
            self.counters["calls_over_capacity"] += 1
            invite.session.reject(SERVICE_UNAVAILABLE, now_ns, headers=(("Retry-After", "5"),))
            return
        try:
            leg, pair = self._legs.of_invite(invite)
        except RemoteError as failed:
            self._refuse(invite, failed.sip_status, failed)
            return
        except TelephonyError as failed:
            self._refuse(invite, SERVICE_UNAVAILABLE, failed)
            return
        call = self._add(self.token(), leg, pair, CallState.RECEIVED)
        call.call.note(describe(invite, leg.capabilities), call.call.now_ns)
        call.drain()

    def _refuse(self, invite: IncomingInvite, status: int, failed: TelephonyError) -> None:
        self.counters["calls_not_acceptable"] += 1
        log.warning("call refused", status=status, why=str(failed), fault="peer")
        warning = getattr(failed, "warning", None)
        text = str(failed).replace("\\", "").replace('"', "'")
        headers = (("Warning", f'{warning} telephony "{text}"'),) if warning else ()
        invite.session.reject(status, monotonic_ns(), headers=headers)

    def _place(self, call_id: str, body: PlaceCall) -> None:
        assert self._endpoint is not None
        now_ns = monotonic_ns()
        if not self._has_room(call_id, now_ns):
            return
        try:
            leg, pair = self._legs.of_order(body, self._endpoint, now_ns)
        except TelephonyError as failed:
            self._report_unplaced(call_id, str(failed), now_ns)
            return
        call = self._add(call_id, leg, pair, CallState.DIALLING)
        call.call.note(
            CallPlaced(target=body.target, sip_call_id=leg.session.request.call_id), now_ns
        )
        if body.plan is not None:
            call.call.open_voice(body.plan, now_ns)
        call.drain()

    def _receive_hosted(self, call_id: str, told: ReceiveHosted) -> None:
        """Make a call of one that a provider holds; what it wants of the provider, the app does."""
        now_ns = monotonic_ns()
        if not self._has_room(call_id, now_ns):
            return
        leg = HostedLeg(told.hosted_id, partial(self._ask_provider, call_id))
        call = self._add(call_id, leg, None, CallState.RECEIVED)
        call.call.note(describe_hosted(told, leg.capabilities), call.call.now_ns)
        call.drain()

    def _ask_provider(self, call_id: str, asked: HostedActRequested, now_ns: Nanoseconds) -> None:
        call = self._calls.get(call_id)
        if call is not None:
            call.call.note(asked, now_ns)

    def _has_room(self, call_id: str, now_ns: Nanoseconds) -> bool:
        """Tell whether a call that the app names may be made, and where not, tell it why."""
        if (taken := self._calls.get(call_id)) is not None:
            text = f"there is a call {call_id} already"
            taken.call.note(TroubleNoted(code="command.refused", fault="ours", text=text), now_ns)
            taken.drain()
            return False
        if len(self._calls) >= self._settings.max_calls:
            self.counters["calls_over_capacity"] += 1
            why = f"{self._settings.max_calls} calls are up, as many as limits.calls allows"
            self._report_unplaced(call_id, why, now_ns)
            return False
        return True

    def _report_unplaced(self, call_id: str, why: str, now_ns: Nanoseconds) -> None:
        """Tell the app that a call could not even be tried."""
        log = EventLog(call_id, now_ns, wall_seconds())
        self.send_event(
            log.row(TroubleNoted(code="call.not_placed", fault="configuration", text=why), now_ns)
        )
        self.send_event(log.row(CallEnded(by="failure", cause=why), now_ns))

    def _add(
        self,
        call_id: str,
        leg: SipLeg | HostedLeg,
        pair: RtpSocketPair | None,
        state: CallState,
    ) -> EngineCall:
        now_ns = monotonic_ns()
        settings = self._call_settings
        if pair is None:
            settings = replace(settings, words_ns=min(settings.words_ns, HOSTED_WORDS_NS))
        engine_call = EngineCall(leg, pair, self, self._make_tap(call_id))
        engine_call.take(
            Call(
                EventLog(call_id, now_ns, wall_seconds()),
                leg,
                settings,
                self._prompts,
                engine_call.append,
                state=state,
                now_ns=now_ns,
            )
        )
        self._calls[call_id] = engine_call
        if isinstance(leg, SipLeg):
            self._by_session[leg.session] = engine_call
        self.counters["calls"] += 1
        return engine_call

    def send_event(self, event: CallEvent) -> None:
        """Hand an event to the app."""
        self._link.send(event)

    def media_ready(self, call: EngineCall) -> None:
        """Let a call's sockets be read and its leg tick; again when its pace changes."""
        port, media = call.leg.port, call.media
        assert port is not None
        assert media is not None
        self._rtp.attach(media.pair, media)
        self._clock.remove(media)
        self._clock.add(media, port.settings.ptime_ms)

    def read_media(self, call: EngineCall) -> None:
        """Hand a call what has arrived for it so far, between two slots."""
        if call.media is not None:
            self._rtp.read_pair(call.media.pair, monotonic_ns())

    def released(self, call: EngineCall) -> None:
        """Free what a call held, and keep what its voice session counted."""
        self.counters.update(call.voice.counters())
        if call.media is not None:
            self._clock.remove(call.media)
            self._rtp.detach(call.media.pair)
        self._calls.pop(call.call.call_id, None)
        if isinstance(call.leg, SipLeg):
            self._by_session.pop(call.leg.session, None)

    def make_voice(self, plan: VoicePlan, on_event: Callable[[VoiceEvent], None]) -> VoiceLink:
        """Open the way to a voice session.

        Raises:
            ConfigurationError: The plan's URL cannot be used.
        """
        keepalive = KeepaliveSettings(plan.ping_seconds, plan.pong_seconds)
        return VoiceLink(plan, self.token, on_event, replace(self._voice, keepalive=keepalive))

    def drain_sip(self) -> None:
        """Send what a call made SIP say."""
        self._sip.drain()


def _answer_limit_seconds(settings: EngineSettings) -> float:
    """Say how long a call that comes in may stay unanswered: longer than a call itself lets it.

    It is routed, rings for as long as routing asked for, is routed again, and waits for its voice.
    """
    return 2 * settings.routing_seconds + LONGEST_RING_SECONDS + settings.grant_limit_seconds


def _seconds(seconds: float) -> Nanoseconds:
    return ms_to_ns(seconds * 1000)
