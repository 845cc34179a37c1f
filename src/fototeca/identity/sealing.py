"""Text that only who has a session's secret can read: the catalog has no more than its hash.

Source: RFC 7516 (JWE), direct encryption with AES-256-GCM.
"""

from __future__ import annotations

import hmac
from hashlib import sha256

from joserfc import jwe
from joserfc.jwk import OctKey

HEADER = {"alg": "dir", "enc": "A256GCM"}


def sealed(text: str, secret: str) -> str:
    return jwe.encrypt_compact(HEADER, text, _key(secret))


def opened(token: str, secret: str) -> str:
    plaintext = jwe.decrypt_compact(token, _key(secret)).plaintext
    assert plaintext is not None
    return plaintext.decode()


def _key(secret: str) -> OctKey:
    # Another than the hash that the catalog knows the session by.
    return OctKey.import_key(hmac.digest(secret.encode(), b"refresh token", sha256))
