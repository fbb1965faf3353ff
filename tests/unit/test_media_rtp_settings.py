"""What an agreement lets in."""

from dataclasses import replace

from tests.support.media import COMFORT_NOISE, EVENTS, agreement, ms


def test_all_that_was_agreed_may_arrive() -> None:
    assert agreement().payload_types == {0, 8, COMFORT_NOISE, EVENTS}
    assert agreement(has_events=False).payload_types == {0, 8, COMFORT_NOISE}
    assert replace(agreement(has_events=False), comfort_noise_receive=None).payload_types == {0, 8}


def test_the_far_buffer_is_40_ms_where_nothing_better_is_known() -> None:
    assert agreement().far_buffer_ns == ms(40)
