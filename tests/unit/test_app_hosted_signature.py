"""Whose webhook is believed: Standard Webhooks, tightened."""

import base64
import hashlib
import hmac

import pytest

from telephony.app.hosted.signature import (
    MAX_SIGNATURES,
    SignatureFault,
    Signed,
    signature_fault,
    signing_key,
)
from telephony.errors import ConfigurationError

# The example of the specification (Standard Webhooks 1.0, "Verifying signatures").
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - published
SIGNED = Signed(
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "1614265330",
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
)
BODY = b'{"test": 2432232314}'
SENT_S = 1_614_265_330.0


def signature(key: bytes, signed: Signed, body: bytes) -> str:
    """Sign as the specification says, by other means than the subject's."""
    message = b".".join([signed.webhook_id.encode(), signed.timestamp.encode(), body])
    return "v1," + base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()


def with_signatures(signatures: str, timestamp: str = SIGNED.timestamp) -> Signed:
    return Signed(SIGNED.webhook_id, timestamp, signatures)


def test_the_example_of_the_specification_is_believed() -> None:
    assert signature_fault(SIGNED, BODY, [signing_key(SECRET)], SENT_S) is None


@pytest.mark.parametrize("off_s", [-300, 300])
def test_a_clock_may_be_300_s_off_either_way(off_s: int) -> None:
    keys = [signing_key(SECRET)]
    assert signature_fault(SIGNED, BODY, keys, SENT_S + off_s) is None
    beyond = SENT_S + off_s + (1 if off_s > 0 else -1)
    assert signature_fault(SIGNED, BODY, keys, beyond) is SignatureFault.STALE


def test_any_of_several_secrets_will_do_and_any_of_several_signatures() -> None:
    old, new = signing_key("whsec_b2xk"), signing_key("whsec_bmV3")
    assert (old, new) == (b"old", b"new")
    by_new = signature(new, SIGNED, BODY)
    both = with_signatures(f"{signature(b'another', SIGNED, BODY)} {by_new}")
    assert signature_fault(both, BODY, [old, new], SENT_S) is None
    assert signature_fault(both, BODY, [old], SENT_S) is SignatureFault.WRONG


@pytest.mark.parametrize(
    "signatures",
    [
        SIGNED.signatures.removeprefix("v1,"),
        SIGNED.signatures.replace("v1,", "v1a,"),
        SIGNED.signatures.replace("v1,", "v2,"),
        SIGNED.signatures.replace("v1,", "v1, "),
        SIGNED.signatures.rstrip("="),
        "v1,",
        "v1,\udcff",
        "nonsense",
    ],
)
def test_only_entries_of_version_1_count(signatures: str) -> None:
    fault = signature_fault(with_signatures(signatures), BODY, [signing_key(SECRET)], SENT_S)
    assert fault is SignatureFault.WRONG


@pytest.mark.parametrize(
    ("signed", "body"),
    [
        (SIGNED, BODY + b" "),
        (Signed("msg_other", SIGNED.timestamp, SIGNED.signatures), BODY),
        (with_signatures(SIGNED.signatures, "1614265331"), BODY),
    ],
)
def test_the_signature_is_of_id_time_and_every_octet(signed: Signed, body: bytes) -> None:
    fault = signature_fault(signed, body, [signing_key(SECRET)], SENT_S)
    assert fault is SignatureFault.WRONG


@pytest.mark.parametrize(
    "signed",
    [
        Signed("", SIGNED.timestamp, SIGNED.signatures),
        Signed(SIGNED.webhook_id, "", SIGNED.signatures),
        with_signatures(""),
    ],
)
def test_what_lacks_a_field_is_unsigned(signed: Signed) -> None:
    fault = signature_fault(signed, BODY, [signing_key(SECRET)], SENT_S)
    assert fault is SignatureFault.UNSIGNED


@pytest.mark.parametrize("timestamp", ["1614265330.0", "-1", "\uff11\uff16", "x", "9" * 13])
def test_a_time_that_is_no_number_of_seconds_is_wrong_though_signed(timestamp: str) -> None:
    key = signing_key(SECRET)
    signed = with_signatures(signature(key, with_signatures("", timestamp), BODY), timestamp)
    assert signature_fault(signed, BODY, [key], SENT_S) is SignatureFault.WRONG


def test_signatures_beyond_a_bound_are_not_looked_at() -> None:
    crowd = " ".join([*["v1,x"] * MAX_SIGNATURES, SIGNED.signatures])
    keys = [signing_key(SECRET)]
    assert signature_fault(with_signatures(crowd), BODY, keys, SENT_S) is SignatureFault.WRONG


def test_a_secret_without_the_prefix_is_its_own_octets() -> None:
    assert signing_key("plain") == b"plain"


@pytest.mark.parametrize("secret", ["whsec_", "whsec_%%%", "whsec_YWJj!", "whsec_YWJ", "whsec_é"])
def test_a_malformed_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ConfigurationError, match="wanted whsec_ and base64") as refused:
        signing_key(secret)
    assert secret not in str(refused.value).replace("whsec_ and", "")
