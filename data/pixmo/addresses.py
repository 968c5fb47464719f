"""Which addresses belong to the open internet. The rules are the same for all versions of Python."""
from __future__ import annotations

import ipaddress

NAT64 = ipaddress.ip_network("64:ff9b::/96")
IPV6_UNICAST = ipaddress.ip_network("2000::/3")  # what is routed of IPv6
# Addresses that are not on the open internet, and exceptions among them. Source: IANA's special-purpose
# registries, as Python 3.13 reads them: older versions of `ipaddress` lack some. Multicast is ours.
NOT_PUBLIC = [ipaddress.ip_network(network) for network in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
PUBLIC_EXCEPTIONS = [ipaddress.ip_network(network) for network in (
    "192.0.0.9/32", "192.0.0.10/32", "2001:1::1/128", "2001:1::2/128", "2001:3::/32", "2001:4:112::/48",
    "2001:20::/28", "2001:30::/28")]


def is_public(address: str, loopback: bool = False) -> bool:
    """Whether an address is on the open internet. If it contains an IPv4 address, that address decides.

    >>> is_public("93.184.216.34"), is_public("192.168.1.1"), is_public("::ffff:127.0.0.1")
    (True, False, False)
    """
    ip = ipaddress.ip_address(address)
    if ip.version == 6:
        wrapped = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if ip in NAT64:
            wrapped = ipaddress.ip_address(int(ip) & 0xFFFFFFFF)
        ip = wrapped or ip
    if ip.is_loopback:
        return loopback
    if ip.version == 6 and ip not in IPV6_UNICAST:  # site-local, or wrapping IPv4 in ways of its own
        return False
    return _in_one(ip, PUBLIC_EXCEPTIONS) or not _in_one(ip, NOT_PUBLIC)


def _in_one(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, networks: list) -> bool:
    return any(ip in network for network in networks)
