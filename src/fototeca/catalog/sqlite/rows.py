"""Rows to domain objects and back."""

from __future__ import annotations

import sqlite3
from typing import Any

from fototeca.catalog.protocol.bundles import Bundle, BundleState
from fototeca.catalog.values import (
    asked_from,
    exif_from,
    exif_text,
    from_micros,
    to_micros,
    wall_clock_micros,
)
from fototeca.photos import Photo, Probe, State

PHOTO = """photo.id, photo.name, photo.size, photo.crc32, photo.media_type, photo.width,
    photo.height, photo.orientation, photo.exif, photo.uploaded_at, photo.state, photo.failure,
    photo.trashed_at, photo.key, photo.taken"""


def photo_from(row: sqlite3.Row, owner: str) -> Photo:
    return Photo(
        owner=owner,
        id=row["id"].hex(),
        name=row["name"],
        size=row["size"],
        crc32=row["crc32"],
        probe=Probe(
            media_type=row["media_type"],
            width=row["width"],
            height=row["height"],
            orientation=row["orientation"],
            exif=exif_from(row["exif"]),
        ),
        uploaded_at=from_micros(row["uploaded_at"]),
        state=State(row["state"]),
        failure=row["failure"],
        trashed_at=None if row["trashed_at"] is None else from_micros(row["trashed_at"]),
    )


def photo_columns(photo: Photo) -> dict[str, Any]:
    """What a photo's row has of what it came with."""
    probe = photo.probe
    return {
        "id": bytes.fromhex(photo.id),
        "name": photo.name,
        "size": photo.size,
        "crc32": photo.crc32,
        "media_type": probe.media_type,
        "width": probe.width,
        "height": probe.height,
        "orientation": probe.orientation,
        "exif": exif_text(probe.exif),
        "taken": wall_clock_micros(photo.taken_at),
        "uploaded_at": to_micros(photo.uploaded_at),
    }


def bundle_from(row: sqlite3.Row, owner: str) -> Bundle:
    state = BundleState(row["state"])
    if state is BundleState.PREPARING and row["restoring"]:
        state = BundleState.RESTORING
    asked = asked_from(row["selection"])
    return Bundle(
        id=row["id"],
        owner=owner,
        selection=asked.selection,
        name=asked.name,
        left_out=asked.left_out,
        state=state,
        created_at=from_micros(row["created_at"]),
        expires_at=from_micros(row["expires_at"]),
        photos=row["photos"],
        bytes=row["bytes"],
        prepared=row["prepared"],
        skipped=row["skipped"],
        failure=row["failure"],
        archive_size=row["archive_size"],
        etag=row["etag"],
        upload=row["upload"],
        parts=row["parts"],
        built=row["built"],
    )
