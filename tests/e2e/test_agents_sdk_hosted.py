"""A `RealtimeAgent` of openai-agents answers a call that a provider holds, unchanged."""

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("agents.realtime", reason="openai-agents is not installed")

from telephony.app.demo.hosted_script import is_tool_result
from telephony.app.demo.provider import Note, StandInProvider
from tests.support.agents_sdk_phones import OPEN
from tests.support.patience import PATIENCE_SECONDS
from tests.support.product import Product
from tests.support.standard_webhooks import SECRET

PHONE = "tests.support.agents_sdk_phones:keyless"
KEY, CALL = "sk-test", "rtc_1"
LISTEN_SECONDS = 1.0
HEADERS = {"From": "<sip:+15550100@h>", "To": "<sip:4711@h>"}
SETTINGS = """
[realtime.provider]
url = "{realtime}"
dialect = "openai"
api_key = {{ env = "PROVIDER_KEY" }}
[hosted.provider]
secrets = [{{ env = "WEBHOOK_SECRET" }}]
api = "{calls}"
[store]
path = "{store}"
[transfer]
allow = ["sip:operator@127.0.0.1:5070"]
"""


def asks_for_words(note: Note) -> bool:
    return bool(note.details["event"].get("type") == "response.create")


def test_an_agent_of_the_sdk_serves_a_hosted_call(tmp_path: Path) -> None:
    async def main() -> None:
        provider = StandInProvider(KEY)
        await provider.start()
        settings = SETTINGS.format(
            realtime=provider.realtime_url,
            calls=provider.calls_url,
            store=tmp_path / "telephony.sqlite3",
        )
        environment = {
            "PROVIDER_KEY": KEY,
            "WEBHOOK_SECRET": SECRET,
            "SDK_EVENTS": str(tmp_path / "events.jsonl"),
        }
        with Product(tmp_path, settings=settings, phone=PHONE, environment=environment) as served:
            url = served.http_url + "/webhooks/realtime"
            assert await provider.tell_of_call(CALL, url, SECRET, HEADERS) == 200
            accepted = await provider.noted("accept", CALL, PATIENCE_SECONDS)
            assert accepted.details["status"] == 200
            assert "Good day +15550100" in accepted.details["instructions"]
            await provider.noted("message", CALL, PATIENCE_SECONDS, asks_for_words)
            await asyncio.sleep(LISTEN_SECONDS)
            provider.press(CALL, "1")
            told = await provider.noted("message", CALL, PATIENCE_SECONDS, is_tool_result)
            assert told.details["event"]["item"]["output"] == OPEN
            await asyncio.sleep(LISTEN_SECONDS)
            provider.press(CALL, "4")
            hung_up = await provider.noted("hangup", CALL, PATIENCE_SECONDS)
            assert hung_up.details["status"] == 200
            troubles = [line for line in served.log_lines() if line["level"] == "error"]
            assert troubles == []
        await provider.stop()

    asyncio.run(asyncio.wait_for(main(), 240))
