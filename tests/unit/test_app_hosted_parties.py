"""Who calls whom, by a provider's SIP header fields."""

import pytest

from telephony.app.hosted.parties import Parties, parties


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ((), Parties()),
        (
            (("From", '"Ann B" <sip:+15550100@h>;tag=x'), ("To", "<sip:4711@h;user=phone>")),
            Parties("4711", "+15550100", "Ann B"),
        ),
        ((("f", "sip:200@h"), ("T", "tel:+15551234567")), Parties("+15551234567", "200")),
        ((("FROM", "<sip:anonymous.invalid>"), ("to", "x")), Parties("", "sip:anonymous.invalid")),
        ((("To", "<sip:first@h>"), ("To", "<sip:second@h>")), Parties("first")),
        ((("To", "<sip:"), ("From", "\r\n")), Parties()),
    ],
)
def test_from_and_to_name_the_parties(
    headers: tuple[tuple[str, str], ...], wanted: Parties
) -> None:
    assert parties(headers) == wanted
