"""A wrong configuration and a taken port are one clear message each, never a traceback."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.child import ROOT, child_environment
from tests.support.ports import LOOPBACK

SECONDS = 120.0
CONFIGURATION, FAILED = 2, 1


def telephony(*arguments: str, within: str = 'exec "$@"') -> subprocess.CompletedProcess[str]:
    """Run the program, started by a shell that may change its limits before."""
    return subprocess.run(
        ["sh", "-c", within, "sh", sys.executable, "-m", "telephony", *arguments],
        cwd=ROOT,
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Give what was said on standard error in one line, however it was wrapped."""
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("version = 2\n", ["version", "2", "wanted 1"]),
        ("version = 1\n[sip]\nport = 5060\n", ["sip.port", "unknown"]),
        ('version = 1\n[sip]\nlisten = "5060"\n', ["sip.listen", "5060", "wanted"]),
        ("version = 1\n[limits]\ncalls = 0\n", ["limits.calls", "0", "wanted"]),
        (
            'version = 1\n[[line]]\nnumber = "*"\nagent = "nobody"\n',
            ["line", "agent", "'nobody'", "wanted"],
        ),
        ("version = 1\n[sip\n", ["line 2"]),
        (
            'version = 1\n[http]\nlisten = "0.0.0.0:0"\n',
            ["http.listen", "0.0.0.0:0", "wanted http.token"],
        ),
    ],
    ids=[
        "version",
        "unknown key",
        "wrong type",
        "out of range",
        "no such agent",
        "no TOML",
        "open HTTP",
    ],
)
def test_configuration_error_names_file_key_value_and_what_is_wanted(
    tmp_path: Path, command: str, text: str, parts: list[str]
) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(text)
    done = telephony(command, "--config", str(path))
    assert done.returncode == CONFIGURATION
    assert done.stdout == ""
    message = said(done)
    assert message.startswith("configuration error: ")
    for part in ["shop.toml", *parts]:
        assert part in message, message


def test_more_calls_than_open_files_are_refused_with_what_is_possible(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text("version = 1\n[limits]\ncalls = 200\n")
    done = telephony("check", "--config", str(path), within='ulimit -n 1024 && exec "$@"')
    assert done.returncode == CONFIGURATION
    assert "limits.calls is 200, wanted at most 149" in said(done)


def test_settings_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = telephony("check", "--config", str(tmp_path / "none.toml"))
    assert done.returncode == CONFIGURATION
    assert "none.toml" in said(done)


@pytest.mark.parametrize(
    ("taken", "kind"),
    [("--sip", socket.SOCK_DGRAM), ("--sip", socket.SOCK_STREAM), ("--http", socket.SOCK_STREAM)],
    ids=["SIP over UDP", "SIP over TCP", "HTTP"],
)
def test_port_in_use_is_one_line_that_names_it(
    tmp_path: Path, taken: str, kind: socket.SocketKind
) -> None:
    config = tmp_path / "telephony.toml"
    realtime = 'url = "ws://127.0.0.1:9"\ntranscribe_with = "any"\n'
    config.write_text(f"version = 1\n[realtime.default]\n{realtime}")
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind((LOOPBACK, 0))
        if kind is socket.SOCK_STREAM:
            other.listen()
        port = other.getsockname()[1]
        where = {"--sip": f"{LOOPBACK}:0", "--http": f"{LOOPBACK}:0", taken: f"{LOOPBACK}:{port}"}
        options = [part for pair in where.items() for part in pair]
        done = telephony("serve", "--config", str(config), *options)
    assert done.returncode == FAILED
    assert "ready" not in done.stdout
    message = said(done)
    assert f"{LOOPBACK}:{port}" in message
    assert "in use" in message
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
