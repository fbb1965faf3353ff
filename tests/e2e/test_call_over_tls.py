"""A call of `telephony serve` whose voice model is reached by TLS: trusted, and not."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.caller import make_calls
from tests.support.certificates import Authority
from tests.support.model_server import ScriptedModel
from tests.support.product import Product, Row


def call(folder: Path, authority: Authority, steps: list[list[object]]) -> tuple[str, list[Row]]:
    """Make one call; give what went wrong for the caller, and the call's event log."""
    with ExitStack() as stack:
        model = stack.enter_context(
            ScriptedModel("plain", folder / "model.jsonl", tls=authority.sign())
        )
        assert model.url.startswith("wss://")
        product = stack.enter_context(Product(folder, model.url))
        reports = asyncio.run(make_calls(product.uri(), [{"call": 1, "steps": steps}]))
        [call_id] = product.call_ids()
        product.wait_for_row(call_id, "call.ended")
        return reports[1]["fault"], product.rows(call_id)


def test_a_model_of_an_authority_that_the_environment_names_speaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    fault, rows = call(tmp_path, authority, [["item"], ["wait", 300]])
    assert fault == ""
    assert [row for row in rows if row["type"] == "trouble"] == []


def test_a_model_that_is_not_trusted_is_not_spoken_to_and_the_log_says_what_to_do(
    tmp_path: Path,
) -> None:
    _, rows = call(tmp_path, Authority(tmp_path), [["hung-up"]])
    [trouble] = [row for row in rows if row["type"] == "trouble"]
    assert trouble["code"] == "voice.lost"
    assert "SSL_CERT_FILE" in trouble["text"]
