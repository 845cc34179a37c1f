"""Entry names: safe everywhere, unique for every file system, whatever the photos are called."""

from __future__ import annotations

import unicodedata
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fototeca.bundling import names
from fototeca.bundling.names import (
    MANIFEST,
    MAX_BYTES,
    MAX_UNITS,
    EntryNames,
    folded,
    safe_name,
)
from tests.unit.archives import Files

JPEG = "image/jpeg"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
FLAG = "\U0001f1ea\U0001f1f8"
HOSTILE = [
    "../../etc/passwd",
    "..\\..\\x.jpg",
    "/absolute.jpg",
    "C:\\Windows\\x.jpg",
    "a/b",
    "CON",
    "con.jpg",
    "Aux.tar.jpg",
    "COM1.jpg",
    "COM¹.jpg",
    "nul .jpg",
    "photo.jpg:stream",
    "...",
    ".",
    "..",
    "",
    " ",
    "///",
    ".hidden.jpg",
    "-rf.jpg",
    "~root.jpg",
    "what?.jpg",
    "tail.jpg. . .",
    "new\nline\r\x00\x1b[31m.jpg",
    "\u202egpj.exe",
    "\ud800.jpg",
    "\uffff\ufdd0.jpg",
    f"{FAMILY}.jpg",
    "n" * 300,
    "ñ" * 300 + ".jpeg",
    FAMILY * 100,
    "e" + "\u0301" * 400,
    "%00%2e%2e%2f.jpg",
    MANIFEST,
]
ALPHABET = st.sampled_from(
    "aAbIİıßẞſKKéE\u0301\u0345 .()2~-/\\:*\u202e\u200d\u200c\ufe0f🏽Å\u0130µσςΣ中"
)
own_names = st.one_of(
    st.text(max_size=40),
    st.text(ALPHABET, max_size=12),
    st.text(max_size=10).map(lambda text: text * 40),
    st.sampled_from(HOSTILE),
    st.sampled_from(["IMG.jpg", "img.JPG", "IMG (2).jpg", "IMG (2) (2).jpg", "Img (3).jpeg"]),
)
media_types = st.sampled_from([JPEG, "image/png", "image/heic", "application/octet-stream"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IMG_0001.JPG", "IMG_0001.JPG"),
        ("../../etc/passwd", "passwd.jpg"),
        ("..\\x.jpg", "x.jpg"),
        ("a/b/", "b.jpg"),
        ("CON", "_CON.jpg"),
        ("COM¹.jpg", "_COM¹.jpg"),
        ("Console.jpg", "Console.jpg"),
        ("nul .jpg", "_nul.jpg"),
        ("12:30?.jpg", "12_30_.jpg"),
        (".hidden.jpg", "hidden.jpg"),
        ("-rf.jpg", "_-rf.jpg"),
        ("...", "photo.jpg"),
        ("tail.jpg. .", "tail.jpg"),
        ("\u202egpj.exe", "gpj.exe.jpg"),
        ("photo.png", "photo.png.jpg"),
        ("e\u0301te\u0301.jpeg", "été.jpeg"),
        ("e\u202e\u0301.jpg", "é.jpg"),
        (f"{FAMILY} {FLAG}.jpg", f"{FAMILY} {FLAG}.jpg"),
        ("می\u200cخواهم.jpg", "می\u200cخواهم.jpg"),
    ],
)
def test_names_people_gave_stay_as_far_as_they_are_safe(name: str, expected: str) -> None:
    assert safe_name(name, JPEG) == expected


@pytest.mark.parametrize(
    ("name", "media_type", "expected"),
    [
        ("x.HEIC", "image/heic", "x.HEIC"),
        ("x.heic", JPEG, "x.heic.jpg"),
        ("x.jpg", "image/png", "x.jpg.png"),
        ("x", "image/webp", "x.webp"),
        ("DSC_1.NEF", "image/tiff", "DSC_1.NEF"),
        ("v1.2 final", "image/tiff", "v1.2 final.tif"),
        ("x.dat", "application/octet-stream", "x.dat"),
    ],
)
def test_the_extension_belongs_to_the_media_type(name: str, media_type: str, expected: str) -> None:
    assert safe_name(name, media_type) == expected


@given(own_names, media_types)
@example("con", JPEG)
@example("A\u0345\u0301.jpg", JPEG)
def test_every_name_is_safe(name: str, media_type: str) -> None:
    safe = safe_name(name, media_type)
    assert safe
    assert len(safe.encode()) <= MAX_BYTES
    assert len(safe.encode("utf-16-le")) // 2 <= MAX_UNITS
    assert not set(safe) & set('<>:"/\\|?*')
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in safe)
    assert not any(unicodedata.bidirectional(c) in {"RLO", "LRO", "RLE", "LRE"} for c in safe)
    assert safe[0] not in ". -~"
    assert safe[-1] not in ". "
    assert unicodedata.is_normalized("NFC", safe)
    assert folded(safe.split(".")[0].strip()) not in {"con", "nul", "aux", "prn", "com1", "lpt9"}
    assert safe_name(safe, media_type) == safe


@given(st.lists(st.tuples(own_names, media_types), max_size=40))
def test_no_file_system_takes_two_names_for_one(photos: list[tuple[str, str]]) -> None:
    given_names = EntryNames()
    result = [given_names.add(name, media_type) for name, media_type in photos] + [MANIFEST]
    for form in ("NFC", "NFD"):
        for case in (str.casefold, str.upper, str.lower):
            seen = {case(unicodedata.normalize(form, name)) for name in result}
            assert len(seen) == len(result)
    for name in result:
        assert len(name.encode()) <= MAX_BYTES
        assert safe_name(name, "application/octet-stream") == name


@given(st.text(max_size=20))
def test_folding_forgets_case_and_composition(text: str) -> None:
    key = folded(text)
    assert folded(key) == key
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert folded(unicodedata.normalize(form, text)) == key
    for character in text:
        for case in (str.upper, str.lower, str.casefold, str.title):
            assert folded(case(character)) == folded(character)


def test_the_same_name_gets_numbers_also_when_they_are_taken() -> None:
    given_names = EntryNames()
    result = [
        given_names.add(name, JPEG)
        for name in ("IMG.jpg", "img (2).JPG", "IMG.JPG", "Img.jpg", "IMG (3).jpg", MANIFEST)
    ]
    assert result == [
        "IMG.jpg",
        "img (2).JPG",
        "IMG (3).JPG",
        "Img (4).jpg",
        "IMG (3) (2).jpg",
        f"{MANIFEST}.jpg",
    ]


def test_the_manifests_name_is_nobodys() -> None:
    assert EntryNames().add(MANIFEST.upper(), "application/json") != MANIFEST.upper()


def test_long_names_keep_their_extension_and_whole_characters() -> None:
    given_names = EntryNames()
    first = given_names.add("長" * 300 + ".jpeg", JPEG)
    second = given_names.add("長" * 300 + ".jpeg", JPEG)
    assert first == "長" * 83 + ".jpeg"
    assert second == "長" * 79 + " (2).jpeg"
    assert safe_name(FAMILY * 100, JPEG) == FAMILY * (250 // len(FAMILY.encode())) + ".jpg"
    assert safe_name("a" + FLAG * 100, JPEG) == "a" + FLAG * 31 + ".jpg"


@pytest.mark.parametrize("pattern", ["IMG.jpg", "y" * 155 + "{0:05}.jpg"])
def test_names_that_are_one_once_cut_share_their_numbers(
    pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting anew for each would compare as many names as there are pairs of photos."""
    compared = 0

    def counted(name: str) -> str:
        nonlocal compared
        compared += 1
        return folded(name)

    monkeypatch.setattr(names, "folded", counted)
    photos = 4000
    given_names = EntryNames()
    result = {given_names.add(pattern.format(number // 2), JPEG) for number in range(photos)}
    assert len(result) == photos
    assert compared <= 5 * photos


def test_the_names_are_the_same_in_every_process() -> None:
    photos = [f"IMG_{number % 7}.jpg" for number in range(50)]
    first, second = EntryNames(), EntryNames()
    assert [first.add(n, JPEG) for n in photos] == [second.add(n, JPEG) for n in photos]


def test_hostile_names_extract_inside_their_folder(tmp_path: Path) -> None:
    given_names = EntryNames()
    files = [
        (given_names.add(name, JPEG), f"{number}".encode()) for number, name in enumerate(HOSTILE)
    ]
    archive = Files(files).write(tmp_path / "hostile.zip")
    folder = tmp_path / "in" / "here"
    with zipfile.ZipFile(archive) as judge:
        judge.extractall(folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(name for name, _ in files)
    for name, body in files:
        assert (folder / name).read_bytes() == body
    assert list(folder.parent.iterdir()) == [folder]
