"""What the scripts of this folder share: a table of costs for people, one object for programs."""

import argparse
import json
import platform
from collections.abc import Callable, Mapping


def wants_json(description: str | None) -> bool:
    """Read the command line: whether it asks for JSON."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return bool(parser.parse_args().json)


def print_costs(costs: Mapping[str, float]) -> None:
    """Print microseconds per operation, by name, for people."""
    print(f"Python {platform.python_version()}, microseconds of CPU per operation")
    for name, cost in costs.items():
        print(f"{name:24}{cost:8.3f}")


def print_json(costs: Mapping[str, float], **more: object) -> None:
    """Print the same as one JSON object, and what else there is to tell."""
    print(json.dumps({"python": platform.python_version(), "us": costs, **more}))


def main_of(description: str | None, measure: Callable[[], Mapping[str, float]]) -> None:
    """Measure, and print the table or the JSON object."""
    as_json = wants_json(description)
    (print_json if as_json else print_costs)(measure())
