"""The version stands in one place, and the package's own metadata agrees with it."""

import tomllib

from telephony.engine.version import PRODUCT, VERSION
from tests.support.child import ROOT


def test_the_version_is_the_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project.get("version", VERSION) == VERSION
    assert f"telephony/{VERSION}" == PRODUCT
