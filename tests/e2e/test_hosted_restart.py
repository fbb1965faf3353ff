"""`telephony serve` with hosted calls, killed and doubled: each call is taken, and once."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

from telephony.app.demo.provider import StandInProvider
from tests.support.child import child_environment
from tests.support.product import Product, Row
from tests.support.standard_webhooks import SECRET

KEY = "sk-test"
CALL = "rtc_1"
HEADERS = {"From": "<sip:+15550100@h>", "To": "<sip:4711@h>"}
PHONE = """\
import asyncio, os
from telephony import Agent, Phone

phone = Phone()
phone.answer("*", Agent("reception", "Greeting: Hello."))


@phone.on_incoming
async def think(call):
    while os.path.exists(os.environ["THINKS_WHILE"]):
        await asyncio.sleep(0.01)
"""
PATIENCE_SECONDS = 60.0


def run(main: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 240))


@asynccontextmanager
async def providing() -> AsyncGenerator[StandInProvider]:
    provider = StandInProvider(KEY)
    await provider.start()
    try:
        yield provider
    finally:
        await provider.stop()


def product(folder: Path, provider: StandInProvider, name: str = "one") -> Product:
    """Give a phone whose hook thinks for as long as the file `thinks` is there."""
    (folder / "hosted_restart_phone.py").write_text(PHONE)
    (folder / name).mkdir(exist_ok=True)
    settings = f"""
[realtime.provider]
url = "{provider.realtime_url}"
dialect = "openai"
api_key = {{ env = "PROVIDER_KEY" }}
[hosted.provider]
secrets = [{{ env = "WEBHOOK_SECRET" }}]
api = "{provider.calls_url}"
[store]
path = "{folder / "telephony.sqlite3"}"
"""
    environment = {
        "PROVIDER_KEY": KEY,
        "WEBHOOK_SECRET": SECRET,
        "THINKS_WHILE": str(folder / "thinks"),
        "PYTHONPATH": os.pathsep.join([child_environment()["PYTHONPATH"], str(folder)]),
    }
    return Product(
        folder / name,
        settings=settings,
        phone="hosted_restart_phone:phone",
        environment=environment,
    )


async def told(provider: StandInProvider, served: Product) -> int:
    return await provider.tell_of_call(
        CALL, served.http_url + "/webhooks/realtime", SECRET, HEADERS
    )


async def row(served: Product, call_id: str, kind: str) -> Row:
    """Wait for a row while the provider, which is on this loop, goes on."""
    return await asyncio.to_thread(served.wait_for_row, call_id, kind)


def times(provider: StandInProvider, what: str) -> int:
    return sum(note.what == what for note in provider.notes)


def test_a_call_outlives_a_kill_between_its_webhook_and_its_acceptance(tmp_path: Path) -> None:
    async def main() -> None:
        async with providing() as provider:
            (tmp_path / "thinks").touch()
            with product(tmp_path, provider) as served:
                assert await told(provider, served) == 200
                await asyncio.to_thread(wait_for_call, served)
                os.kill(served.pid, signal.SIGKILL)
                await asyncio.to_thread(served.wait, PATIENCE_SECONDS)
            assert times(provider, "accept") == 0
            (tmp_path / "thinks").unlink()
            with product(tmp_path, provider) as again:
                accepted = await provider.noted("accept", CALL, PATIENCE_SECONDS)
                assert accepted.details["status"] == 200
                await provider.noted("attach", CALL, PATIENCE_SECONDS)
                assert await told(provider, again) == 200
                await asyncio.sleep(2)
                (call_id,) = again.call_ids()
                incoming = await row(again, call_id, "call.incoming")
                assert (incoming["way"], incoming["hosted_id"]) == ("hosted", CALL)
                assert (incoming["number"], incoming["caller"]) == ("4711", "+15550100")
                await row(again, call_id, "call.answered")
                counted = again.metrics()
                name = 'telephony_webhooks_total{outcome="repeated",server="provider"}'
                assert counted[name] == 1
                assert (times(provider, "accept"), times(provider, "attach")) == (1, 1)
                provider.leave(CALL)
                ended = await row(again, call_id, "call.ended")
                assert ended["by"] == "remote"
            assert times(provider, "hangup") == 0

    run(main)


def test_two_phones_on_one_journal_take_a_call_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with providing() as provider:
            with product(tmp_path, provider) as one, product(tmp_path, provider, "two") as two:
                answers = await asyncio.gather(told(provider, one), told(provider, two))
                assert list(answers) == [200, 200]
                await provider.noted("attach", CALL, PATIENCE_SECONDS)
                # Longer than a lease: whoever has the call renews it.
                await asyncio.sleep(6)
                assert (times(provider, "accept"), times(provider, "attach")) == (1, 1)
                assert len(one.call_ids()) + len(two.call_ids()) == 1

    run(main)


def test_a_call_that_is_up_is_taken_on_by_the_second_phone_when_the_first_is_killed(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with providing() as provider:
            with product(tmp_path, provider) as one, product(tmp_path, provider, "two") as two:
                assert await told(provider, one) == 200
                await provider.noted("attach", CALL, PATIENCE_SECONDS)
                (first,) = one.call_ids()
                await row(one, first, "call.answered")
                await asyncio.sleep(0.5)  # for its state to be on disk
                os.kill(one.pid, signal.SIGKILL)
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while times(provider, "attach") < 2:  # noqa: ASYNC110 - another process
                        await asyncio.sleep(0.05)
                (call_id,) = two.call_ids()
                await row(two, call_id, "call.answered")
                assert times(provider, "accept") == 1

    run(main)


def test_a_phone_that_is_told_to_stop_hangs_its_calls_up(tmp_path: Path) -> None:
    async def main() -> None:
        async with providing() as provider:
            with product(tmp_path, provider) as served:
                assert await told(provider, served) == 200
                await provider.noted("attach", CALL, PATIENCE_SECONDS)
                (call_id,) = served.call_ids()
                await row(served, call_id, "call.answered")
                os.kill(served.pid, signal.SIGTERM)
                hung_up = await provider.noted("hangup", CALL, PATIENCE_SECONDS)
                assert hung_up.details["status"] == 200
                assert await asyncio.to_thread(served.wait, PATIENCE_SECONDS) == 0
                refused = [line for line in served.log_lines() if line["level"] == "error"]
                assert refused == []

    run(main)


def wait_for_call(served: Product) -> None:
    (call_id,) = served.call_ids()
    served.wait_for_row(call_id, "call.incoming")
