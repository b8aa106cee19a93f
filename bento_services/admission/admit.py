"""Whether a caller may use an endpoint: the one decision that HTTP and gRPC share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bento_services.admission.callers import ANYBODY_HERE, NOBODY, Caller
from bento_services.admission.endpoints import EndpointClass
from bento_services.admission.hosts import host_named, is_loopback
from bento_services.admission.key_ring import KeyRing
from bento_services.admission.keys import Keys
from bento_services.admission.limits import Limits
from bento_services.admission.problem import Problem, malformed
from bento_services.admission.rates import Rates


@dataclass(frozen=True)
class Credentials:
    """What a request carries to identify its sender."""

    key: str = field(default="", repr=False)
    host: str | None = None  # the Host header; None for gRPC, which browsers cannot send

    @classmethod
    def of(cls, headers: Mapping[str, str], host: str | None = None) -> Credentials:
        """From (lower-case) headers or metadata: `Authorization: Bearer KEY` or `X-API-Key: KEY`."""
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        return cls(bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", ""), host)


@dataclass(frozen=True)
class Admission:
    """The keys and limits of one serving process."""

    keys: Keys | KeyRing = field(default_factory=Keys)
    loopback_only: bool = True  # keyless requests must name this machine as their host
    limits: Limits = field(default_factory=Limits)
    rates: Rates = field(default_factory=Rates)

    def admit(self, credentials: Credentials, endpoint: EndpointClass) -> Caller:
        """The caller, if it may use the endpoint.

        Raises Problem: 400 for an invalid Host; 503 if the keys cannot be read; 401 without a known key; 403 without
        the scope or, in keyless use, for a Host that is not this machine: a page of another site whose name resolves to
        127.0.0.1 (DNS rebinding) still sends that name.
        """
        host = None if credentials.host is None else host_named(credentials.host)
        if credentials.host is not None and host is None:
            raise malformed("Host: expected a name or an address, and perhaps a port", field="Host")
        keys = self.keys.current
        if keys.closed and not endpoint.always:
            raise Problem(503, "keys_unreadable", f"nobody is admitted: {keys.closed}", retry_after_seconds=1)
        if keys.keyless:
            if self.loopback_only and host is not None and not is_loopback(host):
                raise Problem(403, "wrong_host", "without API keys only this machine's own address is answered")
            return ANYBODY_HERE
        if endpoint.public:
            return NOBODY
        if not credentials.key:
            raise Problem(401, "not_authenticated", "send an API key as `Authorization: Bearer KEY`")
        caller = keys.caller(credentials.key)
        if endpoint.scope is not None and not caller.has(endpoint.scope):
            message = f"this key lacks the scope {endpoint.scope!r}"
            raise Problem(403, "not_allowed", message, {"scope": endpoint.scope})
        if isinstance(self.keys, KeyRing):
            self.keys.used(caller.key_id)
        return caller
