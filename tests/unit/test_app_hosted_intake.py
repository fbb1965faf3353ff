"""Hosted calls from the webhook to the end, before an engine that the test plays."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from telephony import Answer, IncomingCall, Redirect, Reject
from telephony.app.hosted import call as call_module
from telephony.app.hosted import calls_api
from telephony.app.hosted import intake as module
from telephony.app.hosted.journal import LEASE_SECONDS, CallState, HostedCall, SqliteJournal
from telephony.app.hosted.journal_thread import JournalBusyError
from telephony.app.phone import Decision
from telephony.call import (
    AttachHosted,
    CallAnswered,
    CallEnded,
    HangUp,
    HostedActDone,
    HostedActRequested,
    ReceiveHosted,
    RejectCall,
)
from tests.support.hosted_intake import (
    CALL,
    ELSEWHERE,
    HEADERS,
    RECEPTION,
    benched,
    run,
    until,
)


def test_a_call_is_decided_accepted_and_joined(tmp_path: Path) -> None:
    async def main() -> None:
        seen: list[IncomingCall] = []

        async def hook(call: IncomingCall) -> Decision:
            seen.append(call)
            return Answer(RECEPTION, {"account": call.header("x-account") or ""})

        async with benched(tmp_path) as bench, bench.app(hook) as app:
            app.intake.start()
            assert await app.intake.receive(CALL)
            call_id, told = await app.received()
            assert (told.hosted_id, told.server, told.headers) == ("rtc_1", "shop", HEADERS)
            assert (told.number, told.caller, told.caller_name) == ("4711", "+15550100", "Ann")
            joined, attach = await app.next(AttachHosted)
            assert joined == call_id
            assert attach.plan.url == f"ws://{bench.address}"
            assert attach.plan.greeting == 'Say exactly: "Hello"'
            ((act, body),) = bench.provider.seen
            assert act == "accept"
            assert body["type"] == "realtime"
            assert body["instructions"] == "Help\n\nKnown of this call:\n- account: 77"
            assert body["audio"]["output"] == {"voice": "marin"}
            assert "format" not in body["audio"]["input"]
            assert seen[0].call_id == call_id
            assert seen[0].headers == HEADERS
            app.tell(call_id, CallAnswered(codec="", ptime_ms=0, remote="rtc_1"))
            app.tell(call_id, CallEnded(by="remote", cause="the caller has gone"))
            await bench.written("over")
            assert bench.provider.acts == ["accept"]

    run(main)


def test_a_webhook_that_is_repeated_makes_no_second_call(tmp_path: Path) -> None:
    async def main() -> None:
        async with benched(tmp_path) as bench, bench.app() as app:
            app.intake.start()
            assert await app.intake.receive(CALL)
            assert not await app.intake.receive(CALL)
            assert not await app.intake.receive(HostedCall("rtc_1", "evt_2", "shop"))
            await app.received()
            await app.next(AttachHosted)
            assert bench.provider.acts == ["accept"]
            assert app.commands.empty()

    run(main)


def test_calls_wait_for_the_engine_to_be_there(tmp_path: Path) -> None:
    async def main() -> None:
        async with benched(tmp_path) as bench, bench.app() as app:
            assert await app.intake.receive(CALL)
            await asyncio.sleep(0.05)
            assert app.commands.empty()
            app.intake.start()
            await app.received()

    run(main)


@pytest.mark.parametrize(
    ("decision", "status"), [(Reject(486, "Busy"), 486), (Redirect("sip:a@b"), 603), (None, 404)]
)
def test_a_call_that_is_refused_is_rejected_at_the_provider(
    tmp_path: Path, decision: Decision, status: int
) -> None:
    async def main() -> None:
        async def hook(call: IncomingCall) -> Decision:
            del call
            return decision

        unknown = HostedCall("rtc_1", "evt_1", "shop", (("To", "<sip:0000@h>"),))
        async with benched(tmp_path) as bench, bench.app(hook) as app:
            app.intake.start()
            with capture_logs() as logs:
                await app.intake.receive(unknown)
                call_id, told = await app.received()
                assert (told.number, told.caller) == ("0000", "")
                _, reject = await app.next(RejectCall)
            assert reject.status == status
            app.tell(call_id, CallEnded(by="local", cause="refused", status=status))
            await bench.written("over")
            assert bench.provider.seen == [("reject", {"status_code": status})]
            redirected = [line for line in logs if "cannot be redirected" in line["event"]]
            assert len(redirected) == isinstance(decision, Redirect)

    run(main)


def test_an_agent_of_another_server_answers_no_hosted_call(tmp_path: Path) -> None:
    async def main() -> None:
        async with benched(tmp_path) as bench, bench.app(agent=ELSEWHERE) as app:
            app.intake.start()
            with capture_logs() as logs:
                await app.intake.receive(CALL)
                await app.received()
                _, reject = await app.next(RejectCall)
            assert reject.status == 503
            why = "agent 'elsewhere': realtime is 'other', wanted one of main"
            assert why in [line.get("why") for line in logs]

    run(main)


def test_a_caller_who_has_gone_before_the_acceptance_is_no_error(tmp_path: Path) -> None:
    async def main() -> None:
        async with benched(tmp_path) as bench, bench.app() as app:
            bench.provider.statuses["accept"] = [404]
            app.intake.start()
            with capture_logs() as logs:
                await app.intake.receive(CALL)
                call_id, _ = await app.received()
                _, hang_up = await app.next(HangUp)
            assert hang_up.cause == "the caller has gone"
            assert all(line["log_level"] == "info" for line in logs)
            app.tell(call_id, CallEnded(by="local", cause=hang_up.cause))
            await bench.written("over")
            assert bench.provider.acts == ["accept"]

    run(main)


def test_an_acceptance_that_is_refused_refuses_the_call(tmp_path: Path) -> None:
    async def main() -> None:
        async with benched(tmp_path) as bench, bench.app() as app:
            bench.provider.statuses["accept"] = [400]
            app.intake.start()
            with capture_logs() as logs:
                await app.intake.receive(CALL)
                await app.received()
                _, reject = await app.next(RejectCall)
                await until(lambda: len(bench.provider.acts) == 2)
            assert reject.status == 503
            assert bench.provider.seen[1] == ("reject", {"status_code": 503})
            assert [line["why"] for line in logs if line["log_level"] == "error"] == ["accept: 400"]

    run(main)


def test_a_call_that_ends_while_it_is_accepted_is_hung_up_at_the_provider(tmp_path: Path) -> None:
    async def main() -> None:
        async with benched(tmp_path) as bench, bench.app() as app:
            accepting = bench.provider.delays["accept"] = asyncio.Event()
            app.intake.start()
            await app.intake.receive(CALL)
            call_id, _ = await app.received()
            await until(lambda: bench.provider.acts == ["accept"])
            app.tell(call_id, CallEnded(by="local", cause="nobody decided"))
            accepting.set()
            await until(lambda: len(bench.provider.acts) > 1)
            assert bench.provider.acts == ["accept", "hangup"]

    run(main)


def test_a_call_that_ends_undecided_is_rejected_at_the_provider(tmp_path: Path) -> None:
    async def main() -> None:
        async with benched(tmp_path) as bench, bench.app() as app:
            app.intake.start()
            await app.intake.receive(CALL)
            call_id, _ = await app.next(ReceiveHosted)
            app.tell(call_id, CallEnded(by="failure", cause="too many calls"))
            await bench.written("over")
            assert bench.provider.seen == [("reject", {"status_code": 503})]

    run(main)


@pytest.mark.parametrize(
    ("act", "path", "statuses", "wanted"),
    [
        ("refer", "refer", [], 200),
        ("refer", "refer", [404], 404),
        ("refer", "refer", [500], 500),
        ("hang_up", "hangup", [], 200),
        ("hang_up", "hangup", [404], 404),
    ],
)
def test_what_the_call_wants_is_asked_of_the_provider_and_answered(
    tmp_path: Path, act: Any, path: str, statuses: list[int], wanted: int
) -> None:
    async def main() -> None:
        async with benched(tmp_path) as bench, bench.app() as app:
            bench.provider.statuses[path] = statuses
            app.intake.start()
            await app.intake.receive(CALL)
            call_id, _ = await app.received()
            await app.next(AttachHosted)
            target = "tel:+15550199" if act == "refer" else None
            with capture_logs() as logs:
                app.tell(call_id, HostedActRequested(act=act, target=target))
                _, done = await app.next(HostedActDone)
            assert (done.act, done.status) == (act, wanted)
            body = {"target_uri": target} if target else None
            assert bench.provider.seen[-1] == (path, body)
            assert len(logs) == (wanted == 500)

    run(main)


def test_a_provider_that_gives_no_answer_is_told_to_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_api, "REQUEST_SECONDS", 2.0)

    async def main() -> None:
        async with benched(tmp_path) as bench, bench.app() as app:
            silence = bench.provider.delays["refer"] = asyncio.Event()
            app.intake.start()
            await app.intake.receive(CALL)
            call_id, _ = await app.received()
            await app.next(AttachHosted)
            app.tell(call_id, HostedActRequested(act="refer", target="tel:+1"))
            _, done = await app.next(HostedActDone)
            assert done.status is None
            assert done.reason == "refer: no answer within 2 s"
            silence.set()

    run(main)


@pytest.mark.parametrize("is_answered_in_the_end", [True, False])
def test_a_call_that_was_not_hung_up_is_hung_up_when_its_provider_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_answered_in_the_end: bool
) -> None:
    monkeypatch.setattr(calls_api, "REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(call_module, "AGAIN_SECONDS", (0.01, 0.01))

    async def main() -> None:
        async with benched(tmp_path) as bench, bench.app() as app:
            app.intake.start()
            await app.intake.receive(CALL)
            call_id, _ = await app.received()
            await app.next(AttachHosted)
            silence = bench.provider.delays["hangup"] = asyncio.Event()
            with capture_logs() as logs:
                app.tell(call_id, HostedActRequested(act="hang_up"))
                _, done = await app.next(HostedActDone)
                assert done.status is None
                app.tell(call_id, CallEnded(by="local", cause="hung up"))
                if is_answered_in_the_end:
                    silence.set()
                await bench.written("over")
            told = [line["event"] for line in logs if line["log_level"] == "error"]
            assert told == ([] if is_answered_in_the_end else ["call not hung up"])
            tries = 2 if is_answered_in_the_end else 3
            assert bench.provider.acts == ["accept", *["hangup"] * tries]
            silence.set()

    run(main)


def test_a_call_that_may_have_been_accepted_is_hung_up_when_its_provider_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_api, "REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(call_module, "AGAIN_SECONDS", (0.01,))

    async def main() -> None:
        async with benched(tmp_path) as bench, bench.app() as app:
            silence = asyncio.Event()
            bench.provider.delays = dict.fromkeys(("accept", "reject"), silence)
            app.intake.start()
            await app.intake.receive(CALL)
            call_id, _ = await app.received()
            await app.next(RejectCall)
            app.tell(call_id, CallEnded(by="local", cause="refused"))
            await bench.written("over")
            assert bench.provider.acts == ["accept", "attach", "reject", "hangup"]
            silence.set()

    run(main)


# ---- after a restart --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "is_accepted", "acts", "greets"),
    [
        ((), False, ["accept"], True),
        ((CallState.ACCEPTING,), False, ["attach", "accept"], True),
        ((CallState.ACCEPTING,), True, ["attach"], True),
        # What has become of it the engine learns, which tries more than once.
        ((CallState.ACCEPTING, CallState.ACCEPTED), True, [], True),
        ((CallState.ACCEPTING, CallState.ATTACHED), True, [], False),
    ],
)
def test_a_restart_takes_a_call_on_where_it_was(
    tmp_path: Path,
    left: tuple[CallState, ...],
    is_accepted: bool,
    acts: list[str],
    greets: bool,
) -> None:
    async def main() -> None:
        async with benched(tmp_path) as bench:
            bench.provider.is_accepted = is_accepted
            await bench.leave_behind(*left)
            async with bench.app() as app:
                app.intake.start()
                _, told = await app.received()
                assert told.headers == HEADERS
                _, attach = await app.next(AttachHosted)
                assert bench.provider.acts == acts
                assert (attach.plan.greeting == 'Say exactly: "Hello"') is greets

    run(main)


def test_a_caller_who_has_gone_during_the_restart_is_no_error(tmp_path: Path) -> None:
    async def main() -> None:
        async with benched(tmp_path) as bench:
            bench.provider.statuses["accept"] = [404]
            await bench.leave_behind(CallState.ACCEPTING)
            async with bench.app() as app:
                app.intake.start()
                await app.received()
                _, hang_up = await app.next(HangUp)
                assert hang_up.cause == "the caller has gone"

    run(main)


@pytest.mark.parametrize(
    ("left", "acts"),
    [((), ["reject"]), ((CallState.ACCEPTING, CallState.ATTACHED), ["reject", "hangup"])],
)
def test_a_call_that_is_refused_after_a_restart_is_hung_up_if_it_was_accepted(
    tmp_path: Path, left: tuple[CallState, ...], acts: list[str]
) -> None:
    async def main() -> None:
        async def hook(call: IncomingCall) -> Decision:
            del call
            return Reject(486)

        async with benched(tmp_path) as bench:
            bench.provider.statuses["reject"] = [404]
            await bench.leave_behind(*left)
            async with bench.app(hook) as app:
                app.intake.start()
                call_id, _ = await app.received()
                await app.next(RejectCall)
                app.tell(call_id, CallEnded(by="local", cause="refused"))
                await bench.written("over")
                assert bench.provider.acts == acts

    run(main)


def test_an_acceptance_without_an_answer_is_found_out_by_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_api, "REQUEST_SECONDS", 1.5)

    async def main() -> None:
        async with benched(tmp_path) as bench, bench.app() as app:
            silence = bench.provider.delays["accept"] = asyncio.Event()
            bench.provider.is_accepted = True
            app.intake.start()
            await app.intake.receive(CALL)
            await app.received()
            await app.next(AttachHosted)
            assert bench.provider.acts == ["accept", "attach"]
            silence.set()

    run(main)


def test_two_processes_take_a_call_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with benched(tmp_path) as bench:
            await bench.leave_behind()
            async with bench.app(owner="a") as one, bench.app(owner="b") as other:
                one.intake.start()
                other.intake.start()
                taken = [asyncio.ensure_future(app.next(ReceiveHosted)) for app in (one, other)]
                done, waiting = await asyncio.wait(
                    taken, timeout=30, return_when=asyncio.FIRST_COMPLETED
                )
                assert len(done) == 1
                await asyncio.sleep(0.1)
                assert not any(task.done() for task in waiting)
                for task in waiting:
                    task.cancel()

    run(main)


def test_a_process_that_was_thought_dead_lets_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.02)

    async def main() -> None:
        async with benched(tmp_path) as bench, bench.app() as app:
            app.intake.start()
            await app.intake.receive(CALL)
            call_id, _ = await app.received()
            await app.next(AttachHosted)
            journal, claimed = SqliteJournal(tmp_path / "j", "other"), None
            while claimed is None:  # a renewal of ours may be under way
                bench.clock[0] += LEASE_SECONDS + 1
                claimed = journal.claim("rtc_1", bench.clock[0])
            with capture_logs() as logs:
                _, hang_up = await app.next(HangUp)
                assert hang_up.cause == "another process has the call"
                app.tell(call_id, HostedActRequested(act="hang_up"))
                await app.next(HostedActDone)
                app.tell(call_id, CallEnded(by="local", cause=hang_up.cause))
                await asyncio.sleep(0.1)
            assert [line["event"] for line in logs] == ["another process took a call on"]
            assert bench.provider.acts == ["accept"]
            assert journal.move("rtc_1", CallState.ATTACHED, bench.clock[0])
            journal.close()

    run(main)


def test_a_call_that_was_written_after_nobody_waited_any_more_is_taken_on_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.02)

    async def main() -> None:
        async with benched(tmp_path) as bench, bench.app(owner="a") as app:
            journal = SqliteJournal(tmp_path / "j", "a")
            assert journal.receive(CALL, bench.clock[0])
            app.intake.start()
            assert not await app.intake.receive(CALL)
            await app.received()
            await app.next(AttachHosted)
            await asyncio.sleep(0.1)
            assert app.commands.empty()
            journal.close()

    run(main)


def test_while_it_is_drained_webhooks_are_to_come_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with benched(tmp_path) as bench, bench.app() as app:
            app.intake.start()
            app.intake.drain()
            with pytest.raises(JournalBusyError, match="being stopped"):
                await app.intake.receive(CALL)

    run(main)


def test_a_call_that_outlives_the_engine_is_left_to_the_next_process(tmp_path: Path) -> None:
    async def main() -> None:
        async with benched(tmp_path) as bench:
            async with bench.app() as app:
                app.intake.start()
                await app.intake.receive(CALL)
                call_id, _ = await app.received()
                await app.next(AttachHosted)
                app.tell(call_id, CallAnswered(codec="", ptime_ms=0, remote="rtc_1"))
                await bench.written("attached")
                stopping = asyncio.ensure_future(app.stop())
                await asyncio.sleep(0)
                app.switchboard.close(0.0)
                await stopping
            assert bench.provider.acts == ["accept"]
            async with bench.app(owner="b") as next_one:
                next_one.intake.start()
                _, told = await next_one.received()
                assert told.hosted_id == "rtc_1"

    run(main)


class FailingJournal(SqliteJournal):
    """A journal that cannot be renewed, for a while."""

    failures = 3

    def renew(self, now_s: float) -> frozenset[str]:
        if self.failures:
            self.failures -= 1
            raise sqlite3.OperationalError("disk I/O error")
        return super().renew(now_s)


def test_a_journal_that_fails_for_a_while_is_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.02)

    async def main() -> None:
        async with benched(tmp_path) as bench:
            await bench.leave_behind()
            failing = FailingJournal(tmp_path / "j", "a")
            async with bench.app(journal=failing) as app:
                with capture_logs() as logs:
                    app.intake.start()
                    await app.received()
                    await app.next(AttachHosted)
                errors = [line["event"] for line in logs if line["log_level"] == "error"]
                assert errors == ["hosted calls are not renewed"]

    run(main)


class FullJournal(SqliteJournal):
    """A journal on a disk that has room for the webhook alone."""

    def move(self, hosted_id: str, state: CallState, now_s: float) -> bool:
        raise sqlite3.OperationalError(f"no space for {hosted_id} {state} at {now_s:g}")


def test_a_journal_that_cannot_be_written_keeps_a_call_from_being_accepted(tmp_path: Path) -> None:
    async def main() -> None:
        full = FullJournal(tmp_path / "j", "a")
        async with benched(tmp_path) as bench, bench.app(journal=full) as app:
            app.intake.start()
            with capture_logs() as logs:
                await app.intake.receive(CALL)
                await app.received()
                await app.next(RejectCall)
                await until(lambda: bench.provider.acts == ["reject"])
            errors = [line["why"] for line in logs if line["log_level"] == "error"]
            assert len(errors) == 1
            assert errors[0].startswith("the journal of hosted calls: no space for rtc_1 accepting")

    run(main)
