"""Plays the demo of hosted calls: `telephony serve` on one side, a stand-in provider on the other.

Both are processes of their own, joined by what joins them in the world: webhooks, the calls API,
and the sockets of sessions that are attached to by `call_id`.
"""

import asyncio
import base64
import json
import secrets
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from telephony.app.children import Child
from telephony.app.demo.hosted_judge import judge_hosted
from telephony.app.demo.hosted_phone import OPERATOR
from telephony.app.demo.provider import Note
from telephony.app.demo.report import Step
from telephony.errors import TransportError

__all__ = ["HOSTED_FILES", "HostedReport", "play_hosted"]

PLAY_SECONDS = 90.0
"""For all of it; it takes 15 s."""
STOP_SECONDS = 9.0
"""A phone that is told to stop ends within 8 s."""
PHONE = "telephony.app.demo.hosted_phone:phone"
WEBHOOK_PATH = "/webhooks/realtime"
SETTINGS = """\
version = 1

[realtime.provider]
url = "{realtime}"
dialect = "openai"
model = "demo"
transcribe_with = "demo"
api_key = {{ file = "{key}" }}

[hosted.provider]
secrets = [{{ file = "{webhook}" }}]
api = "{calls}"

[store]
path = "{store}"

[transfer]
allow = ["{operator}"]
"""

HOSTED_FILES = {"notes": "notes.jsonl", "settings": "telephony.toml"}
"""What is left behind: what reached the provider, and how the phone was set up."""

OnNote = Callable[[Note], None]


@dataclass(frozen=True, slots=True)
class HostedReport:
    """What came of it.

    Attributes:
        steps: In the order of the demo.
        files: Where the outputs are, by name.
        failure: What was waited for in vain; None where it was played to its end.
    """

    steps: tuple[Step, ...]
    files: dict[str, Path]
    failure: str | None = None

    @property
    def ok(self) -> bool:
        """Whether every step holds."""
        return self.failure is None and all(step.ok for step in self.steps)

    @property
    def error(self) -> str | None:
        """What went wrong first: the step, and why; None where all of it holds."""
        step = next((one for one in self.steps if not one.ok), None)
        return self.failure if step is None else f"{step.name}: {self.failure or step.evidence}"

    def as_json(self) -> dict[str, object]:
        """Give it as `--json` prints it."""
        return {
            "ok": self.ok,
            "error": self.error,
            "steps": [{"name": one.name, "ok": one.ok, "at_ms": one.at_ms} for one in self.steps],
            "truncations": [],
            "files": {name: str(path) for name, path in self.files.items()},
        }


async def play_hosted(folder: Path, on_note: OnNote = lambda _note: None) -> HostedReport:
    """Play it once, judge it, and write the provider's notes and the settings.

    Args:
        folder: For the files.
        on_note: Is shown each note of the provider's as it is made.

    Raises:
        TransportError: A part did not start, or ended too soon.
    """
    notes: list[Note] = []

    def take(note: Note) -> None:
        notes.append(note)
        on_note(note)

    with tempfile.TemporaryDirectory(prefix="telephony-demo-") as scratch:
        try:
            async with asyncio.timeout(PLAY_SECONDS), AsyncExitStack() as stack:
                failure = await _play(stack, Path(scratch), folder, take)
        except TimeoutError:
            raise TransportError(f"the demo was not over in {PLAY_SECONDS:g} s") from None
    files = {name: folder / file for name, file in HOSTED_FILES.items()}
    lines = "".join(json.dumps(asdict(note)) + "\n" for note in notes)
    files["notes"].write_text(lines)
    return HostedReport(judge_hosted(notes), files, failure)


async def _play(
    stack: AsyncExitStack, scratch: Path, folder: Path, take: Callable[[Note], None]
) -> str | None:
    """Play it, and give what was waited for in vain, if anything was."""
    key = "sk-" + secrets.token_hex(16)
    webhook = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    provider = Child("provider", "telephony.app.demo.hosted_provider")
    stack.push_async_callback(provider.stop)
    where = await provider.start(json.dumps({"key": key, "webhook": webhook}))
    settings = folder / HOSTED_FILES["settings"]
    settings.write_text(
        SETTINGS.format(
            realtime=where["realtime"],
            calls=where["calls"],
            key=_secret(scratch / "key", key),
            webhook=_secret(scratch / "webhook", webhook),
            store=scratch / "telephony.sqlite3",
            operator=OPERATOR,
        )
    )
    loopback = ("--sip", "127.0.0.1:0", "--http", "127.0.0.1:0", "--json")
    phone = Child("phone", "telephony", "serve", PHONE, "--config", str(settings), *loopback)
    phone.stop_seconds = STOP_SECONDS
    stack.push_async_callback(phone.stop)
    http = str((await phone.start())["http"])
    provider.tell(json.dumps({"webhooks": http + WEBHOOK_PATH}))
    while (said := await provider.hear()) is not None:
        if "done" in said:
            return None if said["failure"] is None else str(said["failure"])
        take(Note(**said))
    raise TransportError("the provider ended before the demo did; its reason is in the log")


def _secret(path: Path, secret: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(secret)
    return path
