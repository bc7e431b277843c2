"""Where webhooks may be sent: to public addresses, so that nobody reaches through this server into its own network."""

import re
import socket
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from flask import current_app

from schemas.webhooks import URL

Network = IPv4Network | IPv6Network
PARTS = re.compile(r"(?P<scheme>https?)://(?P<netloc>(?P<host>\[[^]]*\]|[^/:?]*)(?::(?P<port>[0-9]+))?)(?P<rest>.*)")
GLOBAL_UNICAST = ip_network("2000::/3")  # of the others, no address is given out
NAT64 = ip_network("64:ff9b::/96")
#: not public, though the ipaddress of some Python says so
UNFIT = [ip_network("192.0.0.0/24"), ip_network("192.88.99.0/24")]


class Forbidden(ValueError):
    """Nothing is sent there; the message says why."""


def check(url: str) -> str:
    """Raise Forbidden unless something may be sent there now; returns what the header Host says."""
    host, port, netloc = parse(url)
    if host not in listed()[0]:
        addresses(host, port)
    return netloc


def parse(url: str) -> tuple[str, int, str]:
    """The host, the port, and both as they stand in the address."""
    found = PARTS.fullmatch(url) if re.fullmatch(URL, url) else None
    if found is None:
        raise Forbidden("Not an https address of ASCII characters, without user name and fragment.")
    host = found["host"].strip("[]").lower()
    port = int(found["port"] or (443 if found["scheme"] == "https" else 80))
    if not 0 < port < 65536:
        raise Forbidden("There is no such port.")
    if found["scheme"] == "http" and not trusted(host):
        raise Forbidden("Only https: what is sent in the clear can be read and changed on the way.")
    return host, port, found["netloc"]


def addresses(host: str, port: int) -> list[str]:
    """The addresses of a host, all of which something may be sent to. One that is not public forbids the others, too:
    which of them is taken would be up to whoever answers for the name."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Forbidden("The name does not lead to an address.") from None
    places = list(dict.fromkeys(str(place[0]) for *_, place in found))
    if host not in listed()[0] and not all(public(place) or trusted(place) for place in places):
        raise Forbidden("It leads to an address that is not public.")
    return places


def public(text: str) -> bool:
    """Whether an address belongs to the public internet, and not by way of another one that is written into it."""
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        if address in NAT64:
            address = IPv4Address(address.packed[-4:])
        elif address.ipv4_mapped:
            address = address.ipv4_mapped
        elif address.sixtofour or address not in GLOBAL_UNICAST:
            return False
    return address.is_global and not address.is_multicast and not any(address in net for net in UNFIT)


def trusted(host: str) -> bool:
    """Whether PARLEY_WEBHOOK_ALLOW names it: the name itself, or a network with this address."""
    names, networks = listed()
    if host in names:
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in networks)


def listed() -> tuple[set[str], list[Network]]:
    """The names and the networks of PARLEY_WEBHOOK_ALLOW."""
    return read(current_app.config.get("WEBHOOK_ALLOW") or "")


@cache
def read(setting: str) -> tuple[set[str], list[Network]]:
    names, networks = set(), list[Network]()
    for entry in filter(None, map(str.strip, setting.lower().split(","))):
        try:
            networks.append(ip_network(entry))
        except ValueError:
            names.add(entry)
    return names, networks
