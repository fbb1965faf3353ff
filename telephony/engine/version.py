"""Which version this is, in one place: for `--version`, and for the servers we connect to."""

__all__ = ["PRODUCT", "VERSION"]

VERSION = "0.1.0"
PRODUCT = f"telephony/{VERSION}"
"""What User-Agent says (RFC 9110 section 10.1.5)."""
