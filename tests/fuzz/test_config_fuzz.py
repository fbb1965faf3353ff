"""Whatever stands in the environment or the file: settings, or one error."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.config import Settings, load
from telephony.errors import ConfigurationError

STEPS = [
    "SIP",
    "LISTEN",
    "LINE",
    "0",
    "1",
    "NUMBER",
    "AGENT",
    "A",
    "REALTIME",
    "API_KEY",
    "ENV",
    "TRANSFERS",
    "MEDIA",
    "NAT",
    "TRUNK",
    "NETWORKS",
    "URL",
    "HANDOFFS",
    "VERSION",
    "\u0661",
]
NAMES = st.lists(st.sampled_from([*STEPS, ""]), min_size=1, max_size=4).map(
    lambda steps: "TELEPHONY_" + "__".join(steps)
)
VALUES = st.text(max_size=12) | st.sampled_from(["[1]", "{a = 1}", '["x"]', "1", "true", "a,b"])
LINES = st.sampled_from(
    """
[sip]
[agent.a]
[[line]]
[[trunk]]
[realtime.x]
listen = 1
number = "1"
agent = "a"
sip = 1
line = []
line = [1]
agent = {a = 1}
url = "ws://h"
api_key = "k"
nat = {}
transfers = 1
handoffs = ["a", 1]
version = 1
""".splitlines()
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=4), st.lists(LINES, max_size=6))
def test_any_environment_over_any_file(environ: dict[str, str], lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "t.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        assert_loaded_or_placed(path, environ)
    assert_loaded_or_placed(None, environ)


def assert_loaded_or_placed(path: Path | None, environ: dict[str, str]) -> None:
    """Load: the same settings each time, or an error that names where it stands."""
    try:
        settings = load(path, environ, {})
    except ConfigurationError as error:
        assert_placed(str(error), path, environ)
    else:
        assert isinstance(settings, Settings)
        assert settings == load(path, environ, {})
        assert settings.version == 1


def assert_placed(said: str, path: Path | None, environ: dict[str, str]) -> None:
    """Hold that an error names the file or the variable that it is about."""
    assert (path is not None and str(path) in said) or any(name in said for name in environ)
