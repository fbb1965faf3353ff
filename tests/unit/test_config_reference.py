"""The generated schema and page say what the tree says."""

import json
from contextlib import suppress

import pytest

from telephony.config import Settings, json_schema, load, reference_markdown
from telephony.config.tree import as_section, element
from telephony.errors import ConfigurationError


def keys_of_the_tree() -> list[tuple[str, ...]]:
    """List every key as the steps of its twin, by a walk of its own."""
    found: list[tuple[str, ...]] = []
    for name, about in Settings.model_fields.items():
        kind, inner = element(about.annotation)
        section = as_section(inner) or as_section(about.annotation)
        if section is not None:
            step = {"table": ("NAME",), "list": ("0",), None: ()}[kind]
            found += [(name, *step, key) for key in section.model_fields]
    return found


def test_page_has_a_row_for_every_key_with_a_meaning() -> None:
    rows = [line.split(" | ") for line in reference_markdown().splitlines() if "TELEPHONY_" in line]
    twins = [row[-1].strip("` |") for row in rows]
    assert twins == ["TELEPHONY_" + "__".join(path).upper() for path in keys_of_the_tree()]
    assert len(twins) > 25
    assert all(len(row) == 5 and row[3] for row in rows)


def test_page_shows_type_range_default_and_meaning() -> None:
    page = reference_markdown()
    assert (
        "| `calls` | whole number, 1 to 100000 | `280` | Calls at once; one more is answered 503."
        " 280 is what a core holds at 70 %. | `TELEPHONY_LIMITS__CALLS` |"
    ) in page
    assert "| `ring_s` | number, above 0 to 180" in page
    assert "| `url` | text | required |" in page
    assert '| `listen` | text or list of text | `["127.0.0.1:5060"]` |' in page
    assert "| `nat` | `true` or `false` | `false` |" in page
    assert "| `transfers` | table of text | none |" in page
    assert "| `api_key` | `{env = ...}` or `{file = ...}` | none |" in page
    assert "## `[[line]]`" in page
    assert "## `[realtime.NAME]`" in page


def test_twins_of_the_page_are_understood() -> None:
    for path in keys_of_the_tree():
        steps = [step if step != "NAME" else "X" for step in path]
        name = "TELEPHONY_" + "__".join(steps).upper()
        with suppress(ConfigurationError):
            load(None, {name: "?"}, {})
            continue
        with pytest.raises(ConfigurationError) as caught:
            load(None, {name: "?"}, {})
        assert "no such key" not in str(caught.value), name


def test_schema_is_json_and_closed() -> None:
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert schema["required"] == ["version"]
    assert schema["additionalProperties"] is False
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())
    listen = schema["$defs"]["SipSettings"]["properties"]["listen"]
    assert [one["type"] for one in listen["anyOf"]] == ["string", "array"]
    assert listen["anyOf"][1]["items"] == {"type": "string"}
    assert listen["anyOf"][1]["minItems"] == 1
    assert "udp:HOST:PORT" in listen["description"]
