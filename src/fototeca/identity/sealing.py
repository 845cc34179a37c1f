"""Text that only who has a session's secret can read: the catalog has no more than its hash.

Source: RFC 7516 (JWE), direct encryption with AES-256-GCM.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joserfc.jwk import OctKey

HEADER = {"alg": "dir", "enc": "A256GCM"}


def sealed(text: str, secret: str) -> str:
    from joserfc import jwe

    return jwe.encrypt_compact(HEADER, text, _key(secret))


def opened(token: str, secret: str) -> str:
    from joserfc import jwe

    plaintext = jwe.decrypt_compact(token, _key(secret)).plaintext
    assert plaintext is not None
    return plaintext.decode()


def _key(secret: str) -> OctKey:
    from joserfc.jwk import OctKey

    # Another than the hash that the catalog knows the session by.
    return OctKey.import_key(hmac.digest(secret.encode(), b"refresh token", sha256))
