"""Label counts and selections over a million synthetic photos: each page's median time in ms."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from fototeca.catalog.sqlite import SqliteCatalog
from fototeca.catalog.sqlite.columns import fill_columns
from fototeca.catalog.sqlite.sets import PhotoSets, everything
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Selection, now

PHOTOS = 1_000_000
LABELS = 400
PER_PHOTO = 5
TARGET_MS = 20.0


def fill(catalog: SqliteCatalog, photos: int) -> str:
    """Photos over twenty years with labels as unequal as life; two that never meet, half each."""
    owner = catalog.accounts.add("bench@example.com", None, now())
    generator = random.Random(1)
    sets = PhotoSets(catalog.database)
    weights = [1 / (rank + 1) for rank in range(LABELS)]
    year = 365 * 24 * 3600 * 1_000_000
    with catalog.database.write() as connection:
        connection.executemany(
            "INSERT INTO label (key, owner, name) VALUES (?, 1, ?)",
            [(key + 1, f"Label {key}") for key in range(LABELS)]
            + [
                (LABELS + 1, "Day"),
                (LABELS + 2, "Night"),
                (LABELS + 3, "Old"),
                (LABELS + 4, "Older"),
            ],
        )
        for start in range(0, photos, 10_000):
            rows, memberships = [], []
            for key in range(start + 1, min(start + 10_000, photos) + 1):
                taken = generator.randrange(20 * year)
                rows.append((key, key.to_bytes(32, "big"), f"IMG_{key}.jpg", taken, taken))
                chosen = set(generator.choices(range(1, LABELS + 1), weights, k=PER_PHOTO))
                chosen.add(LABELS + 1 + key % 2)
                if taken < year:
                    chosen.add(LABELS + 3)
                if taken < year / 2:
                    chosen.add(LABELS + 4)
                memberships += [(label, taken, key) for label in chosen]
            connection.executemany(
                "INSERT INTO photo (key, owner, id, name, size, crc32, media_type, width, height,"
                " orientation, exif, taken, uploaded_at, state)"
                " VALUES (?, 1, ?, ?, 3000000, 0, 'image/jpeg', 4000, 3000, 1, '{}', ?, ?,"
                " 'labelled')",
                rows,
            )
            connection.executemany(
                "INSERT INTO photo_label (label, taken, photo) VALUES (?, ?, ?)", memberships
            )
        for key in range(1, LABELS + 5):
            on = connection.execute("SELECT photo FROM photo_label WHERE label = ?", (key,))
            sets.replace(key, [photo for (photo,) in on])
        sets.replace(everything(1), range(1, photos + 1))
        fill_columns(connection)
    return owner.id


def timed(call: Callable[[], object], runs: int = 5) -> float:
    """Median milliseconds after one warm-up."""
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1000)
    return median(times)


def run(photos: int = PHOTOS) -> list[tuple[str, float]]:
    """(what, median ms) for each question that the grid and the label list ask."""

    def selection(any: str = "", all: str = "", none: str = "") -> Selection:
        def names(text: str) -> frozenset[str]:
            return frozenset(name for name in text.split("|") if name)

        return Selection(names(any), names(all), names(none))

    with tempfile.TemporaryDirectory() as folder:
        catalog = SqliteCatalog(Path(folder) / "catalog.sqlite3", Taxonomy.load())
        owner = fill(catalog, photos)
        pages = {
            "everything": selection(),
            "one common label": selection(any="Label 0"),
            "one rare label": selection(any="Label 399"),
            "two common, both": selection(all="Label 0|Label 1"),
            "common and rare, both": selection(all="Label 0|Label 399"),
            "three labels, any": selection(any="Label 0|Label 5|Label 60"),
            "any, all and none": selection("Label 1|Label 2", "Label 0", "Label 3"),
            "none of a common label": selection(none="Label 0"),
            "only the oldest year": selection(all="Label 0|Old"),
            "any of the oldest year": selection(any="Old|Older"),
            "two halves that never meet": selection(all="Day|Night"),
        }
        rows = [("label counts", timed(lambda: catalog.photos.labels(owner, Selection())))]
        for what, chosen in pages.items():
            page = timed(partial(catalog.photos.page, owner, chosen))
            within = timed(partial(catalog.photos.labels, owner, chosen), runs=2)
            rows += [(f"page: {what}", page), (f"label counts within: {what}", within)]
        photos_of = catalog.photos
        for what in ("everything", "one common label"):
            layout = timed(partial(photos_of.layout, owner, pages[what]), runs=2)
            totals = timed(partial(photos_of.totals, owner, pages[what]), runs=2)
            rows += [(f"layout: {what}", layout), (f"totals: {what}", totals)]
        for text in ("IMG_123", "nowhere"):
            named = timed(partial(photos_of.page, owner, Selection(), name=text), runs=2)
            rows.append((f"page: name contains {text}", named))
        catalog.close()
    return rows


def main() -> None:
    photos = int(sys.argv[1]) if len(sys.argv) > 1 else PHOTOS
    print(f"Catalog: {photos:,} photos, target {TARGET_MS:.0f} ms a page")
    for what, milliseconds in run(photos):
        print(f"  {what:45} {milliseconds:9.2f} ms")


if __name__ == "__main__":
    main()
