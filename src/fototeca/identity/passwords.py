"""Passwords, hashed by Argon2id with the library's defaults (RFC 9106)."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 10
MAX_LENGTH = 1024
"""Characters. No rules of composition: length is what counts (NIST SP 800-63B, 3.1.1.2)."""

AT_ONCE = 4
"""Hashes computed at the same time: each takes 64 MiB, and anyone may try to sign in."""


class PasswordUnfit(ValueError):
    """A password that is too short or too long. The text says which."""


class Passwords:
    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._nobody: str | None = None
        self._turn = threading.BoundedSemaphore(AT_ONCE)

    def fit(self, password: str) -> str:
        """The hash of a new password. Raises PasswordUnfit."""
        if len(password) < MIN_LENGTH:
            raise PasswordUnfit(f"a password needs at least {MIN_LENGTH} characters")
        if len(password) > MAX_LENGTH:
            raise PasswordUnfit(f"a password has at most {MAX_LENGTH} characters")
        return self.hashed(password)

    def hashed(self, password: str) -> str:
        with self._turn:
            return self._hasher.hash(password)

    def right(self, password: str, password_hash: str | None) -> bool:
        """Whether the password fits the hash; takes as long when there is no hash."""
        if password_hash is None:
            if self._nobody is None:
                self._nobody = self.hashed("nobody")
            self._verified(password, self._nobody)
            return False
        return self._verified(password, password_hash)

    def outdated(self, password_hash: str) -> bool:
        return self._hasher.check_needs_rehash(password_hash)

    def _verified(self, password: str, password_hash: str) -> bool:
        if len(password) > MAX_LENGTH:
            return False
        try:
            with self._turn:
                return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
