"""What a leg makes of SIP and SDP by itself; its calls are walked in test_call_call."""

from ipaddress import ip_network

import pytest

from telephony.call import Capability, MediaPolicy, SipLeg
from telephony.errors import LocalError
from telephony.media import RtpPort, RtpPortSettings
from telephony.rtp import RtcpReporter, RtpSender
from telephony.sdp import LocalMedia
from telephony.sip import IncomingInvite
from telephony.units import RtpTimestamp
from telephony.voice import VoiceFormat
from tests.support.call_bench import sdp
from tests.support.sip_peer import Bench, request


class Legs:
    """Makes legs, and keeps the settings of their ports."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.settings: list[RtpPortSettings] = []

    def make_port(self, settings: RtpPortSettings) -> RtpPort:
        self.settings.append(settings)
        sender = RtpSender(ssrc=1, payload_type=0, sequence=0, timestamp=RtpTimestamp(0))
        reporter = RtcpReporter(cname="we", random=lambda: 0.5, now_ns=self.bench.now)
        return RtpPort(settings, sender, reporter)

    def incoming(self, body: bytes, media: MediaPolicy | None = None) -> SipLeg:
        return self.invited(request("INVITE", body=body), media)

    def invited(self, text: str, media: MediaPolicy | None = None) -> SipLeg:
        self.bench.receive(text)
        invite = self.bench.event(IncomingInvite)
        local = LocalMedia("192.0.2.1", 16_384, 1)
        policy = media or MediaPolicy()
        leg = SipLeg(invite.session, local, self.make_port, policy, "192.0.2.77")
        leg.read_offer(invite)
        return leg

    def outgoing(self) -> SipLeg:
        local = LocalMedia("192.0.2.1", 16_384, 1)
        return SipLeg(None, local, self.make_port, MediaPolicy(), None)


def test_a_leg_claims_what_can_be_asked_of_it_and_not_holding_the_far_end() -> None:
    assert Legs().outgoing().capabilities == frozenset(Capability) - {Capability.HOLD}


@pytest.mark.parametrize(
    ("codecs", "voice_format"),
    [("0 101", VoiceFormat.PCMU), ("8 101", VoiceFormat.PCMA), ("8 0", VoiceFormat.PCMA)],
)
def test_the_session_follows_the_codec_before_the_answer_already(
    codecs: str, voice_format: VoiceFormat
) -> None:
    assert Legs().incoming(sdp(codecs=codecs)).voice_format is voice_format


def test_without_an_offer_the_session_follows_the_first_codec_of_ours() -> None:
    assert Legs().incoming(b"").voice_format is VoiceFormat.PCMU
    assert Legs().outgoing().voice_format is VoiceFormat.PCMU


def test_a_body_that_may_be_ignored_is_no_offer() -> None:
    optional = request(
        "INVITE",
        body=b"<card/>",
        content_type="text/xml",
        extra="Content-Disposition: render;handling=optional",
    )
    assert Legs().invited(optional).voice_format is VoiceFormat.PCMU


def test_what_was_agreed_becomes_the_ports_settings() -> None:
    legs = Legs()
    leg = legs.incoming(sdp(codecs="8 0 101", ptime_ms=30))
    leg.answer(legs.bench.now)
    (settings,) = legs.settings
    assert settings.payload_type == 8
    assert set(settings.receive_payload_types) == {8}
    assert settings.event_payload_type_send == settings.event_payload_type_receive == 101
    assert (settings.remote, settings.remote_rtcp) == (("192.0.2.9", 4000), ("192.0.2.9", 4001))
    assert settings.ptime_ms == 30
    assert leg.media_description.codec == "PCMA"


def test_only_behind_nat_is_audio_taken_from_elsewhere() -> None:
    networks = (ip_network("198.51.100.0/24"),)
    for is_nat in (False, True):
        legs = Legs()
        leg = legs.incoming(sdp(), MediaPolicy(is_nat=is_nat, networks=networks))
        leg.answer(legs.bench.now)
        policy = legs.settings[0].policy
        assert policy.announced == ("192.0.2.9", 4000)
        assert policy.signalling_host == ("192.0.2.77" if is_nat else None)
        assert policy.networks == (networks if is_nat else ())
        assert legs.settings[0].is_nat is is_nat


def test_a_leg_that_was_not_placed_has_no_session_yet() -> None:
    leg = Legs().outgoing()
    with pytest.raises(LocalError, match="not placed yet"):
        leg.hang_up(Legs().bench.now)


def test_a_call_that_we_place_is_not_ours_to_answer() -> None:
    legs = Legs()
    leg = legs.outgoing()
    leg.place(legs.bench.endpoint, "sip:a@192.0.2.9", "sip:b@192.0.2.1", legs.bench.now)
    with pytest.raises(LocalError, match="not ours to answer"):
        leg.ring(legs.bench.now)
