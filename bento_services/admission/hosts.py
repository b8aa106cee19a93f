"""Parses Host headers, and tells which hosts are this machine."""

from __future__ import annotations

import ipaddress
import re

# host [":" port] of RFC 3986, section 3.2, without user names, escapes and zones, which no Host header may have.
_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?")


def host_named(header: str) -> str | None:
    """The host without its port, in lower case; None if invalid, such as `localhost:80@elsewhere`."""
    found = _HOST.fullmatch(header)
    if found is None or int(found["port"] or 0) > 65535:
        return None
    if found["v6"] is not None:
        try:
            return str(ipaddress.IPv6Address(found["v6"]))
        except ValueError:
            return None
    return found["name"].lower()


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
