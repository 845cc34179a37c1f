"""The page of an evaluation: what is shown, and that nothing in it is taken for markup."""

from __future__ import annotations

from html.parser import HTMLParser

from fototeca.labelling.evaluation import Seen, Truth, evaluate
from fototeca.labelling.report import mistakes, page


def seen(present: str, absent: str, on: str, **confidences: float) -> Seen:
    truth = Truth(frozenset(present.split()), frozenset(absent.split()))
    return Seen(truth, confidences, frozenset(on.split()))


PHOTOS = [
    seen("Sea", "Lake", "Sea", Sea=0.9, Lake=0.1),
    seen("Sea", "Lake", "Lake", Sea=0.2, Lake=0.8),
    seen("Lake", "Sea", "Sea", Lake=0.05, Sea=0.95),
    seen("Lake", "", "", Lake=0.4, Sea=0.7),
]


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_worst_mistakes_come_first_and_unknowns_are_none() -> None:
    wrong_sea, wrong_lake, lost_lake, lost_sea, third = mistakes(PHOTOS, ["Sea", "Lake"], 9)
    assert (wrong_sea.photo, wrong_sea.label, wrong_sea.missing) == (2, "Sea", False)
    assert (wrong_lake.photo, wrong_lake.label) == (1, "Lake")
    assert (lost_lake.photo, lost_lake.label, lost_lake.missing) == (2, "Lake", True)
    assert (lost_sea.photo, lost_sea.label) == (1, "Sea")
    assert third.photo == 3
    assert len(mistakes(PHOTOS, ["Sea", "Lake"], 1)) == 2


def test_the_page_shows_everything_and_asks_for_nothing() -> None:
    evaluation = evaluate(PHOTOS, ["Sea", "Lake"])
    shown = [
        (each, "<script>alert(1)</script>.jpg", b"\xff\xd8\xff\xd9")
        for each in mistakes(PHOTOS, ["Sea", "Lake"], 9)
    ]
    text = page('model@1 "on" <b>', evaluation, PHOTOS, shown)
    elements = Elements(text).found
    tags = [tag for tag, _ in elements]
    assert tags.count("img") == 5
    assert tags.count("svg") == 3
    assert "script" not in tags
    assert tags.count("b") == 5
    sources = [attributes.get("src") or "" for _, attributes in elements]
    assert all(source.startswith("data:image/jpeg") for source in sources if source)
    assert "//" not in text.replace("base64,/9j/", "")
    assert "75.0% of 4 photos" in text
