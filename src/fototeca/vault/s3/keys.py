"""What objects are called. Only what we made ourselves becomes a key."""

from __future__ import annotations

import secrets

from fototeca.vault.protocol import ID, OWNER, WORKING, Size

ORIGINALS, RENDITIONS, INBOX = "originals/", "renditions/", "inbox/"
MAX_NAME = 255
"""Bytes of a name in a key: a key may have 1,024 in all, and some stores keep names as files."""


def original_key(owner: str, id: str) -> str:
    return f"{ORIGINALS}{_place(owner, id)}"


def original_in(key: str) -> tuple[str, str] | None:
    """(owner, id) of an original's key; None for any other."""
    owner, _, id = key.removeprefix(ORIGINALS).partition("/")
    is_one = key.startswith(ORIGINALS) and OWNER.fullmatch(owner) and ID.fullmatch(id)
    return (owner, id) if is_one else None


def rendition_key(owner: str, id: str, size: Size) -> str:
    return f"{RENDITIONS}{_place(owner, id)}.{size}.jpg"


def working_key(name: str) -> str:
    if not WORKING.fullmatch(name):
        raise ValueError("not a name of a working file")
    return name


def inbox_key(owner: str, name: str, folder: str | None = None) -> str:
    """A place in the owner's inbox, in a new folder unless one is given.

    The name, of anyone's making, is its last part, its end where it is long: it only tells what the
    photo is called. It is never empty: what ends with a slash is taken for a folder.
    """
    if not OWNER.fullmatch(owner):
        raise ValueError("not an owner")
    kept = name.replace("/", "_").encode(errors="replace")[-MAX_NAME:].decode(errors="ignore")
    return f"{INBOX}{owner}/{folder or secrets.token_hex(8)}/{kept or 'photo'}"


def _place(owner: str, id: str) -> str:
    if not OWNER.fullmatch(owner) or not ID.fullmatch(id):
        raise ValueError("not an owner and a photo id")
    return f"{owner}/{id}"
