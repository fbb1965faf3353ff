"""Hosts as they stand in addresses."""

__all__ = ["host_in_uri"]


def host_in_uri(host: str) -> str:
    """Write an address as it stands in a URI."""
    return f"[{host}]" if ":" in host else host
