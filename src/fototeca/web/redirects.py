"""Bytes that the vault serves itself: by redirect to a URL that is signed when it is followed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi.responses import RedirectResponse

SIGNED = timedelta(minutes=5)
"""For the beginning of a download: one that has begun goes on beyond."""
REDIRECT: dict[int | str, dict[str, Any]] = {
    307: {"description": "To where the vault itself serves it, for some minutes"}
}


def elsewhere(url: str) -> RedirectResponse:
    # Kept by nobody: who is let in is decided each time, and the URL is a key.
    headers = {"cache-control": "private, no-store", "referrer-policy": "no-referrer"}
    return RedirectResponse(url, 307, headers)
