"""Upload tickets: URLs that authorise themselves, for one photo of one owner, for a short time."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from fototeca.catalog.protocol import Catalog
from fototeca.photos import now

MAX_LENGTH = 4096


class TicketInvalid(Exception):
    """Forged, changed or too old."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What may be put where it leads: these bytes, for this owner."""

    owner: str
    name: str
    media_type: str
    sha256: str | None = None
    """None for a client of the reference API, which sends no hash."""
    size: int | None = None


class Tickets:
    def __init__(self, catalog: Catalog, lifetime: timedelta) -> None:
        self._key = catalog.secret("upload")
        self._lifetime = lifetime

    def issue(self, ticket: Ticket, lifetime: timedelta | None = None) -> tuple[str, datetime]:
        """The ticket as text for a URL, and when it ends."""
        expires_at = now() + (lifetime or self._lifetime)
        claims = {**asdict(ticket), "expires": expires_at.timestamp()}
        # As UTF-8: escapes would make a name of 255 emoji longer than an address may be.
        text = json.dumps(claims, separators=(",", ":"), ensure_ascii=False)
        payload = _encoded(text.encode())
        return f"{payload}.{self._signature(payload)}", expires_at

    def read(self, text: str) -> Ticket:
        """Raises TicketInvalid."""
        payload, dot, signature = text.partition(".")
        if not dot or len(text) > MAX_LENGTH or not text.isascii():
            raise TicketInvalid
        if not hmac.compare_digest(signature, self._signature(payload)):
            raise TicketInvalid
        try:
            claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        except (binascii.Error, ValueError) as error:
            raise TicketInvalid from error
        if claims.pop("expires") <= now().timestamp():
            raise TicketInvalid
        return Ticket(**claims)

    def _signature(self, payload: str) -> str:
        return _encoded(hmac.new(self._key, payload.encode(), sha256).digest())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
