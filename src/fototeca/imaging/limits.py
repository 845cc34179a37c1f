"""What decoding may cost: bytes from outside are decoded within these limits only."""

from __future__ import annotations

from dataclasses import dataclass


class Unreadable(Exception):
    """Bytes that cannot be read as a photo. The text says why, for the owner."""


@dataclass(frozen=True, slots=True)
class Limits:
    file_bytes: int = 200 * 1000 * 1000
    pixels: int = 200_000_000
    decode_seconds: float = 30.0
    decode_memory: int = 1 << 30
    """Bytes of address space for the process that decodes what is risky or large."""
