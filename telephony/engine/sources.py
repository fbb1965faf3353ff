"""Whose calls are let in (design: safe by default)."""

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network

__all__ = ["AllowedSources"]


class AllowedSources:
    """Networks that INVITEs may come from; this machine itself always may.

    Args:
        networks: Such as "192.0.2.0/24".
    """

    def __init__(self, networks: Iterable[str]) -> None:
        """Read the networks."""
        self._networks = [ip_network(network) for network in networks]

    def __contains__(self, host: object) -> bool:
        """Say whether calls from a numeric address are let in."""
        address = ip_address(str(host))
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        return address.is_loopback or any(address in network for network in self._networks)
