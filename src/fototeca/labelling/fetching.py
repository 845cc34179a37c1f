"""Fetches an open-vocabulary model's files from where they are published; only when asked to."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fototeca.labelling.clip import FILES, PINS, read_pins

CHUNK = 1 << 20
TIMEOUT = 60.0
"""Seconds without a byte."""
LARGEST = 8 << 30
"""Bytes of one file."""


class FetchFailed(Exception):
    """A file could not be had, or is not the one that was pinned. What came so far is kept."""


def fetch(
    base: str,
    folder: Path,
    pins: Mapping[str, str],
    on_progress: Callable[[str, int, int | None], None],
) -> None:
    """Every file of a model from below `base` into `folder`, and their SHA-256 into fototeca.json.

    `pins` are SHA-256 by file, which count beside those that the folder has. A part that is there
    is continued where the file is surely the same: by its SHA-256, or by the server's word.
    `on_progress(file, bytes so far, bytes in all, if known)`.
    Raises FetchFailed, ModelError, OSError.
    """
    base = base.rstrip("/") + "/"
    _check(base)
    kept, pinned = read_pins(folder)
    known = {**pinned, **pins}
    if unknown := known.keys() - set(FILES):
        raise FetchFailed(f"a model has no {min(unknown)}: its files are {', '.join(FILES)}")
    for name in FILES:
        target = folder / name
        if not (target.exists() and known.get(name) == _sha256(target)):
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f"{target.name}.part")
            tag = target.with_name(f"{target.name}.etag")
            if name not in known and not tag.exists():
                part.unlink(missing_ok=True)
            _download(base + name, part, tag, partial(on_progress, name))
            tag.unlink(missing_ok=True)
            found = _sha256(part)
            if known.get(name, found) != found:
                part.unlink()
                raise FetchFailed(f"{name} has SHA-256 {found}, not {known[name]}")
            part.replace(target)
        known[name] = _sha256(target)
    kept["sha256"] = known
    part = folder / f"{PINS}.part"
    part.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(folder / PINS)


def _download(
    url: str, part: Path, tag: Path, on_progress: Callable[[int, int | None], None]
) -> None:
    """`tag` has the entity tag that the server gave what came so far."""
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url)  # noqa: S310 - the scheme was checked
    if done:
        request.add_header("range", f"bytes={done}-")
        if tag.exists():
            request.add_header("if-range", tag.read_text(encoding="latin-1"))
    try:
        with OPENER.open(request, timeout=TIMEOUT) as answer:
            if done and answer.status != 206:
                done = 0  # the whole comes again
            length = answer.headers.get("content-length")
            total = done + int(length) if length and length.isdigit() else None
            with part.open("ab" if done else "wb") as file:
                if not done:
                    _keep_tag(tag, answer.headers.get("etag", ""))
                while chunk := answer.read(CHUNK):
                    done += len(chunk)
                    if done > LARGEST:
                        raise FetchFailed(f"{url}: larger than {LARGEST >> 30} GB")
                    file.write(chunk)
                    on_progress(done, total)
            if total is not None and done != total:
                raise FetchFailed(f"{url}: {done:,} of {total:,} bytes came: try again to go on")
    except urllib.error.HTTPError as error:
        if error.code == 416 and done:
            return  # it was whole already; its SHA-256 tells
        raise FetchFailed(f"{url}: {error.code} {error.reason}") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise FetchFailed(f"{url}: {reason}: try again to go on") from error


def _keep_tag(tag: Path, etag: str) -> None:
    if etag.startswith('"'):  # a weak one tells nothing of bytes
        tag.write_text(etag, encoding="latin-1")
    else:
        tag.unlink(missing_ok=True)


def _check(url: str) -> None:
    """Nobody on the way may put another file in the place of the one that is fetched."""
    place = urlsplit(url)
    if place.scheme != "https" and not (place.scheme == "http" and _is_here(place.hostname)):
        raise FetchFailed("only https addresses: what comes is run as a model")


class _Checked(urllib.request.HTTPRedirectHandler):
    """Hubs send on to where their files are."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        _check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


OPENER = urllib.request.build_opener(_Checked)


def _is_here(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
