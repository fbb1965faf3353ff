"""Of items in any number of parts, the memory keeps what was sent and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from telephony.media import AgentAudio
from telephony.voice import (
    AudioFinished,
    AudioReceived,
    DeleteItem,
    TruncateItem,
    VoiceCommand,
    VoiceFormat,
)
from tests.support.media import ms, port

PACKET = 160
RAMP = 40
Part = tuple[str, int]
PARTS = st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=3), min_size=1, max_size=3)


def sent_of(lengths: dict[Part, int], packets: int) -> dict[Part, int]:
    """Share so many packets out among the parts, in their order."""
    left, sent = packets * PACKET, dict[Part, int]()
    for part, samples in lengths.items():
        sent[part] = min(left, samples)
        left -= sent[part]
    return sent


def kept_after(lengths: dict[Part, int], commands: list[VoiceCommand]) -> dict[Part, int]:
    """Do to a model's memory what it is told."""
    kept = dict(lengths)
    for command in commands:
        if isinstance(command, DeleteItem):
            kept = {part: samples for part, samples in kept.items() if part[0] != command.item_id}
        elif isinstance(command, TruncateItem):
            kept[command.item_id, command.content_index] = command.audio_end_ms * 8
    return kept


@given(PARTS, st.integers(0, 20))
def test_what_is_removed_is_what_did_not_leave(items: list[list[int]], packets: int) -> None:
    leg = port()
    audio = AgentAudio(leg, lambda _octets: None)
    audio.grant(VoiceFormat.PCMU, VoiceFormat.PCMU)
    lengths = {
        (str(number), index): length * PACKET
        for number, parts in enumerate(items)
        for index, length in enumerate(parts)
    }
    for (name, index), samples in lengths.items():
        audio.handle_audio(AudioReceived("r", name, index, b"\x10" * samples))
        audio.handle_audio_finished(AudioFinished("r", name, index))
    for at in range(packets):
        leg.tick(ms(at * 20))
    kept = kept_after(lengths, audio.interrupt().commands)
    sent = sent_of(lengths, packets)
    begun = {name for (name, _), samples in sent.items() if samples}
    assert {name for name, _ in kept} == begun
    assert sorted(kept[part] - sent[part] for part in kept)[:-1] == [0] * max(0, len(kept) - 1)
    assert sum(kept.values()) - sum(sent.values()) in (0, RAMP)


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_an_item_is_cut_behind_the_last_packet_that_the_kernel_took(taken: list[bool]) -> None:
    leg = port()
    audio = AgentAudio(leg, lambda _octets: None)
    audio.grant(VoiceFormat.PCMU, VoiceFormat.PCMU)
    audio.handle_audio(AudioReceived("r", "a", 0, b"\x10" * 20 * PACKET))
    for at, is_taken in enumerate(taken):
        packet = leg.tick(ms(at * 20))
        assert packet is not None
        if not is_taken:
            leg.handle_unsent(packet)
    packets = max((at + 1 for at, is_taken in enumerate(taken) if is_taken), default=0)
    ramp_ms = 5 if taken[-1] else 0
    expected = TruncateItem("a", 0, packets * 20 + ramp_ms) if packets else DeleteItem("a")
    assert audio.interrupt().commands == [expected]
    assert leg.report()["rtp_sent"] == sum(taken)
