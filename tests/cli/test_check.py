"""`fototeca check`: a library is damaged in every way there is; check says so, and mends it."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from fototeca import samples
from tests.cli.conftest import Answer, Run


def sql(library: Path, *statements: str) -> None:
    with closing(sqlite3.connect(library / "catalog.sqlite3")) as catalog, catalog:
        for statement in statements:
            catalog.execute(statement)


def original(library: Path, name: str = "cat.jpg") -> Path:
    photo = next(path for path in samples.photos() if path.name == name)
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    return next(library.glob(f"vault/originals/*/*/{digest}"))


def problems(answer: Answer) -> list[str]:
    return [each["problem"] for each in answer.json["problems"]]


def test_a_sound_library(run: Run, filled: Path) -> None:
    answer = run("check", "--bytes", "--json")
    assert answer.status == 0
    assert answer.json["problems"] == []
    assert answer.json["photos"] == 12
    assert answer.json["bytes"] == sum(path.stat().st_size for path in samples.photos())
    assert "12 photos checked: all is well" in run("check").out


def lose_renditions(library: Path) -> None:
    for path in library.glob("vault/renditions/*/*/*.grid.jpg"):
        path.unlink()


def tear_rendition(library: Path) -> None:
    next(library.glob("vault/renditions/*/*/*.grid.jpg")).write_bytes(b"\xff\xd8\xff\xe0 no more")


def empty_rendition(library: Path) -> None:
    next(library.glob("vault/renditions/*/*/*.grid.jpg")).write_bytes(b"")


DAMAGE: dict[str, Callable[[Path], None]] = {
    "a wrong count": lambda library: sql(
        library, "UPDATE label SET count = count + 1 WHERE name = 'Mountain'"
    ),
    "a missing membership": lambda library: sql(
        library, "DELETE FROM photo_label WHERE label = (SELECT key FROM label WHERE name = 'Dog')"
    ),
    "a membership too many": lambda library: sql(
        library,
        "INSERT INTO photo_label (label, taken, photo) SELECT"
        " (SELECT key FROM label WHERE name = 'Dog'), taken, key FROM photo"
        " WHERE name = 'cat.jpg'",
    ),
    "wrong totals": lambda library: sql(library, "UPDATE account SET photos = 99, bytes = 1"),
    "a lost set": lambda library: sql(library, "DELETE FROM photo_set WHERE label > 0"),
    "lost columns": lambda library: sql(library, "DELETE FROM photo_columns"),
    "wrong columns": lambda library: sql(library, "UPDATE photo_columns SET taken = size"),
    "torn columns": lambda library: sql(library, "UPDATE photo_columns SET size = zeroblob(7)"),
    "columns of no photo": lambda library: sql(
        library, "INSERT INTO photo_columns SELECT 9, size, taken, ratio FROM photo_columns"
    ),
    "lost renditions": lose_renditions,
    "a torn rendition": tear_rendition,
    "an empty rendition": empty_rendition,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=list(DAMAGE))
def test_what_can_be_made_again_is_repaired(
    run: Run, filled: Path, damage: Callable[[Path], None]
) -> None:
    before = run("labels", "--json").json, run("photos", "--json").json
    damage(filled)
    found = run("check", "--json")
    assert found.status == 1
    assert found.json["problems"]
    repaired = run("check", "--repair", "--json")
    assert repaired.status == 0
    assert all(each["repaired"] for each in repaired.json["problems"])
    assert run("check", "--bytes", "--json").json["problems"] == []
    assert (run("labels", "--json").json, run("photos", "--json").json) == before


def test_a_flipped_bit_is_found_set_aside_and_healed_by_importing_again(
    run: Run, filled: Path
) -> None:
    path = original(filled)
    damaged = bytearray(path.read_bytes())
    damaged[5000] ^= 1
    path.write_bytes(damaged)
    assert run("check").status == 0, "only reading the bytes can tell"
    answer = run("check", "--bytes")
    assert answer.status == 1
    assert "cat.jpg" in answer.out
    assert "damaged" in answer.out
    assert path.read_bytes() == damaged, "without --repair nothing changes"

    answer = run("check", "--bytes", "--repair")
    assert answer.status == 1, "it is not whole again yet"
    (aside,) = filled.glob("vault/working/damaged-*")
    assert aside.read_bytes() == damaged
    assert not path.exists()
    assert next(filled.glob(f"vault/renditions/*/*/{path.name}.grid.jpg")).stat().st_size > 0

    assert run("import", *[each for each in samples.photos() if each.name == "cat.jpg"]).status == 0
    assert run("check", "--bytes").status == 0


def test_a_truncated_original_is_found_without_reading_all(run: Run, filled: Path) -> None:
    path = original(filled)
    path.write_bytes(path.read_bytes()[:-100])
    answer = run("check", "--json")
    assert answer.status == 1
    assert "its original is damaged" in problems(answer)[0]


def test_a_missing_original_is_found_and_healed_by_importing_again(run: Run, filled: Path) -> None:
    original(filled).unlink()
    answer = run("check", "--json")
    assert answer.status == 1
    assert "its original is missing" in problems(answer)[0]
    assert run("check", "--repair").status == 1, "it cannot be made again"
    assert run("import", *samples.photos(), "--json").json["duplicate"] == 12
    assert run("check", "--bytes").status == 0


def test_a_wrong_crc_or_size_in_the_catalog_is_found_and_mended(run: Run, filled: Path) -> None:
    sql(filled, "UPDATE photo SET crc32 = crc32 + 1 WHERE name = 'cat.jpg'")
    answer = run("check", "--bytes", "--json")
    assert answer.status == 1
    assert "wrong size or CRC-32" in problems(answer)[0]
    sql(filled, "UPDATE photo SET size = size - 1 WHERE name = 'coffee.jpg'")
    found = problems(run("check", "--bytes", "--json"))
    assert sum("wrong size or CRC-32" in problem for problem in found) == 2
    assert run("check", "--bytes", "--repair").status == 0
    assert run("check", "--bytes").status == 0


def test_an_original_without_a_row_is_taken_in_again_and_never_deleted(
    run: Run, filled: Path, tmp_path: Path
) -> None:
    # As a crash between keeping the bytes and recording the photo leaves it.
    kept = filled / "vault" / "originals"
    owner = next(kept.iterdir())
    photo = tmp_path / "one.jpg"
    shutil.copy(samples.photos()[0], photo)
    with photo.open("ab") as file:
        file.write(b"another photo")
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    orphan = owner / digest[:2] / digest
    orphan.parent.mkdir(exist_ok=True)
    shutil.copy(photo, orphan)
    # What is no photo, what is damaged, and what is nobody's stays where it is.
    text = b"no photo"
    plain = owner / "aa" / hashlib.sha256(text).hexdigest()
    damaged = owner / "bb" / ("bb" * 32)
    nobodys = kept / ("0" * 16) / digest[:2] / digest
    for path, data in ((plain, text), (damaged, text), (nobodys, photo.read_bytes())):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    found = run("check", "--json")
    assert found.status == 1
    assert len(problems(found)) == 4
    repaired = run("check", "--repair", "--json")
    assert [each["repaired"] for each in repaired.json["problems"]].count(True) == 1
    assert all(path.exists() for path in (orphan, plain, damaged, nobodys))
    listed = run("photos", "--search", "recovered", "--json").json["photos"]
    assert [each["id"] for each in listed] == [digest]
    assert listed[0]["name"] == f"recovered-{digest[:12]}.jpg"


def test_a_damaged_catalog_is_told_in_a_line(run: Run, filled: Path) -> None:
    path = filled / "catalog.sqlite3"
    data = bytearray(path.read_bytes())
    data[:100] = b"\0" * 100
    path.write_bytes(data)
    answer = run("check")
    assert answer.status == 1
    assert answer.err.startswith("fototeca: the catalog cannot be used: ")
    assert len(answer.err.splitlines()) == 1


def test_a_missing_vault_is_no_empty_library(run: Run, filled: Path) -> None:
    (filled / "vault").rename(filled.parent / "elsewhere")
    for command in (("check",), ("import", filled.parent), ("labels",)):
        answer = run(*command)
        assert answer.status == 1
        assert "not mounted" in answer.err
    assert not (filled / "vault").exists()
