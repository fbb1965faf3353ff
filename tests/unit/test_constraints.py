"""The two constraints files pin the same, but for what cannot be the same."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
APART = {"websockets"}
"""openai-agents takes an older one than the product's newest."""


def pins(name: str) -> dict[str, list[str]]:
    """Give each package's pins, a line for each Python that needs another."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            found.setdefault(line.partition("==")[0], []).append(line)
    return {package: sorted(lines) for package, lines in found.items()}


def test_what_both_pin_they_pin_alike() -> None:
    newest, agents = pins("constraints.txt"), pins("constraints-agents.txt")
    both = newest.keys() & agents.keys()
    assert {"pytest", "pydantic", "aiohttp"} <= both
    assert {package for package in both if newest[package] != agents[package]} == APART


def test_openai_agents_and_what_it_is_tested_with_are_pinned() -> None:
    agents = pins("constraints-agents.txt")
    assert {"openai", "openai-agents", "websockets"} <= agents.keys()
    assert agents["websockets"] == ["websockets==16.1.1"]
