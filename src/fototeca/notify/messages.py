"""Notices as one message: a pure function."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime

from fototeca.catalog.protocol.notices import Notice
from fototeca.notify.protocol import Message

LINES = 20
"""Told of in one message; the rest is counted."""
LONGEST = 300
"""Characters of a line: some services cut long messages, some charge for them."""

# Told in this order, and the first that is there gives the message its title.
TITLES = {
    "bundle-ready": "your photos are ready to download",
    "bundle-failed": "a download could not be made",
    "import-failed": "an import has failed",
    "photos-failed": "photos could not be labelled",
    "inbox-refused": "files were refused",
    "inbox-stuck": "files stay in the inbox",
    "import-finished": "an import has finished",
}
OTHER = "news"

TEST = Message("Fototeca: a test", "This is where Fototeca will tell you what is ready or failed.")


def message_of(notices: Sequence[Notice], address: str, ready: Mapping[str, datetime]) -> Message:
    """One message of all these notices. `ready` says until when bundles can be downloaded.

    Links lead to the page, which asks whoever follows one to sign in.
    """
    order = [*TITLES]
    ranked = sorted(
        notices, key=lambda each: order.index(each.kind) if each.kind in TITLES else len(order)
    )
    lines = [_line(notice, address, ready) for notice in ranked[:LINES]]
    if len(ranked) > LINES:
        lines.append(f"And {len(ranked) - LINES:,} more: {address}/")
    elif not any(notice.subject in ready for notice in ranked):
        lines.append(f"{address}/")
    return Message(f"Fototeca: {TITLES.get(ranked[0].kind, OTHER)}", "\n\n".join(lines))


def _line(notice: Notice, address: str, ready: Mapping[str, datetime]) -> str:
    text = _printable(notice.text)
    if len(text) > LONGEST:
        text = f"{text[: LONGEST - 1]}…"
    if notice.kind != "bundle-ready":
        return text
    until = ready.get(notice.subject)
    if until is None:
        return f"{text} Its time is over by now, or it was deleted."
    return f"{text}\n{address}/bundles/{notice.subject}\nUntil {until:%d %B %Y, %H:%M} UTC."


def _printable(text: str) -> str:
    """One line: file names come from outside."""
    return " ".join(
        "".join(
            character if unicodedata.category(character)[0] != "C" else " " for character in text
        ).split()
    )
