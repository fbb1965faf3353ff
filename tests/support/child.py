"""Child processes that tests start, talk to in JSON lines, and always end.

A child says it is ready with one JSON object on its standard output; after that each line written
to it may be answered by one more. Support processes end when their standard input closes.
"""

import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any, Self

from tests.support.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 4.0
LOG_TAIL_CHARACTERS = 2000


class ChildError(RuntimeError):
    """A child did not start, did not answer, or ended; the message ends with what it last said."""


def child_environment() -> dict[str, str]:
    """Give the environment in which a child finds both source roots of this checkout."""
    roots = os.pathsep.join([str(ROOT), str(ROOT / "codecs")])
    return {**os.environ, "PYTHONPATH": roots, "PYTHONUNBUFFERED": "1"}


def end(process: subprocess.Popen[Any], patience_seconds: float = STOP_SECONDS) -> int:
    """End a process: wait, then terminate, then kill. Gives its exit code."""
    for escalate in (process.terminate, process.kill):
        try:
            return process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            escalate()
    return process.wait()


class JsonLines:
    """Reads JSON objects, one a line, from a pipe, each within a time limit."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._descriptor = pipe.fileno()
        self._buffer = b""

    def read(self, timeout_seconds: float) -> dict[str, Any] | None:
        """Give the next object; None when the pipe closed or the time was up.

        Lines that hold no JSON object (a warning, a banner) are passed over.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer = rest
                if line.startswith(b"{"):
                    return dict(json.loads(line))
                continue
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not select.select([self._descriptor], [], [], remaining)[0]:
                return None
            chunk = os.read(self._descriptor, 65536)
            if not chunk:
                return None
            self._buffer += chunk


class Child:
    """A child process with JSON lines both ways; use it as a context manager.

    Args:
        arguments: The command and its arguments.
        ends_at_eof: Whether closing its standard input asks it to end; else it gets SIGTERM.
        start_seconds: How long it may take to say that it is ready.
        stop_seconds: How long it may take to end before it is made to.
        environment: Added to `child_environment()`.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        ends_at_eof: bool = True,
        start_seconds: float = PATIENCE_SECONDS,
        stop_seconds: float = STOP_SECONDS,
        environment: dict[str, str] | None = None,
    ) -> None:
        self._arguments = list(arguments)
        self._ends_at_eof = ends_at_eof
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._environment = {**child_environment(), **(environment or {})}
        self._open = ExitStack()
        self._log: IO[bytes] | None = None
        self._log_text = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: JsonLines | None = None
        self.ready: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._log = self._open.enter_context(tempfile.TemporaryFile())
        self._process = subprocess.Popen(
            self._arguments,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        assert self._process.stdout is not None
        self._lines = JsonLines(self._open.enter_context(self._process.stdout))
        try:
            self.ready = self.read(self._start_seconds)
        except ChildError:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait(self, timeout_seconds: float) -> int:
        """Wait until the child ends by itself; gives its exit code."""
        assert self._process is not None
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise ChildError(f"{self._arguments} goes on; {self.log_tail()}") from None

    def read(self, timeout_seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait for the next JSON object that the child prints."""
        assert self._lines is not None
        answer = self._lines.read(timeout_seconds)
        if answer is None:
            raise ChildError(f"{self._arguments} gave no answer; it last said: {self.log_tail()}")
        return answer

    def ask(self, line: str, timeout_seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Write one line to the child and wait for the JSON object that answers it."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        return self.read(timeout_seconds)

    def log_text(self) -> str:
        """Give all that the child wrote to its standard error so far."""
        if self._log is not None:
            size = os.fstat(self._log.fileno()).st_size
            self._log_text = os.pread(self._log.fileno(), size, 0).decode(errors="replace")
        return self._log_text

    def log_tail(self) -> str:
        """Give the end of the child's standard error."""
        return self.log_text()[-LOG_TAIL_CHARACTERS:]

    def stop(self) -> int:
        """End the child; gives its exit code. Its log text stays readable."""
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        if not self._ends_at_eof:
            self._process.terminate()
        code = end(self._process, self._stop_seconds)
        self.log_text()
        self._log = None
        self._open.close()
        return code
