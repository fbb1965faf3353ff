"""`telephony serve` with a token shows calls to who knows it, and health to all."""

from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support.product import Product

KNOWN, GUESSED = "known-to-us", "guessed"


def status(url: str, token: str | None) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        with urlopen(Request(url, headers=headers), timeout=5.0) as answer:  # noqa: S310 - ours
            return int(answer.status)
    except HTTPError as refused:
        return refused.code


def test_calls_and_metrics_are_for_who_knows_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_TOKEN", KNOWN)
    settings = '[http]\ntoken = { env = "HTTP_TOKEN" }\n'
    with Product(tmp_path, "ws://127.0.0.1:9", settings=settings) as product:
        for path in ("/calls", "/metrics"):
            assert status(product.http_url + path, KNOWN) == HTTPStatus.OK
            assert status(product.http_url + path, GUESSED) == HTTPStatus.UNAUTHORIZED
            assert status(product.http_url + path, None) == HTTPStatus.UNAUTHORIZED
        assert status(product.http_url + "/healthz", None) == HTTPStatus.OK
