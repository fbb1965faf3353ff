"""Bad webhooks before `telephony serve`: each has its answer, one log line and one count."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support.patience import PATIENCE_SECONDS
from tests.support.product import Product
from tests.support.standard_webhooks import SECRET, incoming_body, signed_headers

PATH = "/webhooks/realtime"
BODY = incoming_body()
SETTINGS = """
[realtime.provider]
url = "ws://127.0.0.1:9/v1/realtime"
[hosted.provider]
secrets = [{{ env = "WEBHOOK_SECRET" }}]
[store]
path = "{path}"
"""
OTHER_SECRET = "whsec_b3RoZXI="  # noqa: S105 - of this test


def bad_webhooks() -> dict[str, tuple[bytes, dict[str, str], int]]:
    """Give each bad webhook by what it is counted as: body, header fields, status."""
    shape, unknown = b'{"type": "realtime.call.incoming"}', b'{"type": "response.completed"}'
    big, cut = bytes(65_537), BODY[:20]
    return {
        "wrong_signature": (BODY, signed_headers(BODY, secret=OTHER_SECRET), 401),
        "stale": (BODY, signed_headers(BODY, sent_s=1_700_000_000), 401),
        "unsigned": (BODY, {"Content-Type": "application/json"}, 401),
        "oversized": (big, signed_headers(big), 413),
        "not_json": (cut, signed_headers(cut), 400),
        "wrong_shape": (shape, signed_headers(shape), 400),
        "unknown_type": (unknown, signed_headers(unknown), 200),
    }


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("phone")
    settings = SETTINGS.format(path=folder / "telephony.sqlite3")
    with Product(folder, settings=settings, environment={"WEBHOOK_SECRET": SECRET}) as served:
        yield served


def post(phone: Product, body: bytes, headers: dict[str, str]) -> int:
    request = Request(phone.http_url + PATH, data=body, headers=headers, method="POST")  # noqa: S310 - ours
    try:
        with urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - ours
            return int(answer.status)
    except HTTPError as refused:
        with refused:
            return refused.code


def counted(phone: Product, outcome: str) -> float:
    name = f'telephony_webhooks_total{{outcome="{outcome}",server="provider"}}'
    return phone.metrics().get(name, 0.0)


def lines(phone: Product, outcome: str) -> list[dict[str, Any]]:
    return [line for line in phone.log_lines() if line.get("outcome") == outcome]


@pytest.mark.parametrize("outcome", bad_webhooks())
def test_a_bad_webhook_is_answered_logged_once_and_counted_once(
    phone: Product, outcome: str
) -> None:
    body, headers, status = bad_webhooks()[outcome]
    assert post(phone, body, headers) == status
    assert counted(phone, outcome) == 1
    (line,) = lines(phone, outcome)
    assert (line["server"], line["answer"]) == ("provider", status)
    assert phone.call_ids() == []


def test_a_replayed_webhook_makes_no_second_call(tmp_path: Path) -> None:
    settings = SETTINGS.format(path=tmp_path / "telephony.sqlite3")
    with Product(tmp_path, settings=settings, environment={"WEBHOOK_SECRET": SECRET}) as phone:
        headers = signed_headers(BODY)
        assert [post(phone, BODY, headers) for _ in range(3)] == [200, 200, 200]
        assert (counted(phone, "taken"), counted(phone, "repeated")) == (1, 2)
        assert len(phone.call_ids()) == 1
        said = [line["event"] for line in phone.log_lines()]
        assert said.count("hosted call") == 1
