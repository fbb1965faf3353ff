"""Which third-party programs are here, so that a test without its program skips and says why."""

import os
import shutil

DEBIAN_PACKAGES = {
    "baresip": "baresip-core",
    "sipp": "sip-tester",
    "tcpdump": "tcpdump",
    "tshark": "tshark",
}


def missing_program(*programs: str) -> str | None:
    """Say which program is absent and which Debian package brings it; None when all are here."""
    for program in programs:
        if shutil.which(program) is None:
            return f"needs {program} (Debian package {DEBIAN_PACKAGES[program]})"
    return None


def missing_root(purpose: str) -> str | None:
    """Say that a purpose needs root; None when we are."""
    return None if os.geteuid() == 0 else f"needs root: {purpose}"
