"""Limits on the wire: whom a request counts for, and what its answer says of them."""

from ipaddress import IPv6Address, IPv6Network, ip_address

from fastapi import Request
from limits import RateLimitItem

from backend.services.rate_limits import Allowance, RateLimiter

ALLOWANCES = "rollcall.allowances"
"""Where a request's scope, and each copy of it, has a list for what it may use of limits."""

# What a provider gives one customer: whoever has it has all of its addresses.
_OF_ONE_CLIENT = 64


def client_of(host: str) -> str:
    """Whom an address counts for: itself, or of IPv6 its network."""
    try:
        address = ip_address(host)
    except ValueError:  # none, as of a socket of this machine's
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(IPv6Network((int(address), _OF_ONE_CLIENT), strict=False))
    return str(address)


def allowance(request: Request, limit: RateLimitItem, *of: str) -> Allowance:
    """What the request may use of a limit; its answer will say what is left."""
    limiter: RateLimiter = request.app.state.rate_limiter
    made = Allowance(limiter, limit, *of)
    request.scope.setdefault(ALLOWANCES, []).append(made)
    return made


def client_of_request(request: Request) -> str:
    return client_of(request.client.host if request.client else "")


def allowance_of_client(request: Request, limit: RateLimitItem) -> Allowance:
    return allowance(request, limit, client_of_request(request))


def headers_of(made: list[Allowance]) -> list[tuple[bytes, bytes]]:
    """`RateLimit-Policy` and `RateLimit`, by draft-ietf-httpapi-ratelimit-headers-11."""
    usage = made[-1].usage
    if usage is None:
        return []
    limit, remaining, seconds = usage
    policy = f'"{limit.namespace}";q={limit.amount};w={limit.get_expiry()}'
    left = f'"{limit.namespace}";r={remaining};t={seconds}'
    return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]
