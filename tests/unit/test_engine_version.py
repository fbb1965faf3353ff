"""The version stands in one place, and the package's own metadata is made from it."""

import tomllib

from telephony.engine.version import PRODUCT, VERSION
from tests.support.child import ROOT


def test_the_version_is_the_packages() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["project"]["dynamic"] == ["version"]
    path = ROOT / settings["tool"]["hatch"]["version"]["path"]
    assert f'VERSION = "{VERSION}"' in path.read_text().splitlines()
    assert f"telephony/{VERSION}" == PRODUCT
