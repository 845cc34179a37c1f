"""Notices as one message: what comes first, how long it may be, and where its links lead."""

from __future__ import annotations

from datetime import UTC, datetime

from fototeca.catalog.protocol.notices import Notice
from fototeca.notify.messages import LINES, LONGEST, message_of

ADDRESS = "https://photos.example"
UNTIL = datetime(2026, 11, 26, 14, 5, tzinfo=UTC)


def notice(number: int, kind: str, text: str, subject: str = "") -> Notice:
    return Notice(number, kind, subject, text, UNTIL)


def test_a_ready_bundle_has_its_link_and_how_long_it_lives() -> None:
    message = message_of(
        [notice(1, "bundle-ready", "Your 32 photos are ready to download.", "ab12")],
        ADDRESS,
        {"ab12": UNTIL},
    )
    assert message.title == "Fototeca: your photos are ready to download"
    assert message.body == (
        "Your 32 photos are ready to download.\n"
        "https://photos.example/bundles/ab12\n"
        "Until 26 November 2026, 14:05 UTC."
    )


def test_a_bundle_that_is_gone_has_no_link() -> None:
    message = message_of(
        [notice(1, "bundle-ready", "Your 32 photos are ready to download.", "ab12")], ADDRESS, {}
    )
    assert "/bundles/" not in message.body
    assert "Its time is over" in message.body


def test_what_is_ready_comes_first_and_gives_the_title() -> None:
    message = message_of(
        [
            notice(1, "inbox-refused", "a.txt: not an image"),
            notice(2, "import-finished", "An import has finished: 3 added."),
            notice(3, "bundle-failed", "A bundle could not be made: no room left"),
            notice(4, "bundle-ready", "Your photo is ready to download.", "cd"),
        ],
        ADDRESS,
        {"cd": UNTIL},
    )
    assert message.title.endswith("your photos are ready to download")
    first, *rest = message.body.split("\n\n")
    assert first.startswith("Your photo is ready")
    assert rest == [
        "A bundle could not be made: no room left",
        "a.txt: not an image",
        "An import has finished: 3 added.",
    ]


def test_thousands_of_notices_are_a_short_message() -> None:
    many = [notice(n, "inbox-refused", f"{n}.txt: not an image") for n in range(1000)]
    message = message_of([*many, notice(1000, "bundle-ready", "Ready.", "ef")], ADDRESS, {})
    assert message.body.count("not an image") == LINES - 1
    assert message.body.startswith("Ready.")
    assert message.body.endswith("And 981 more: https://photos.example/")


def test_a_name_from_outside_is_one_line_of_bounded_length() -> None:
    text = "x\r\nBcc: all@example.com\n\n" + "y" * 10_000 + "\u202ejpg: not an image"
    body = message_of([notice(1, "inbox-refused", text)], ADDRESS, {}).body
    line, address = body.split("\n\n")
    assert "\n" not in line
    assert "\u202e" not in line
    assert len(line) == LONGEST
    assert address == "https://photos.example/"


def test_a_kind_that_is_not_known_is_told_all_the_same() -> None:
    message = message_of([notice(1, "of-tomorrow", "Something new.")], ADDRESS, {})
    assert message.title == "Fototeca: news"
    assert message.body.startswith("Something new.")
