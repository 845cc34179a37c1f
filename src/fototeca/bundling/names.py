"""Entry names: the photos' own, made safe on every system and unique without regard to case."""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b
from itertools import count

MANIFEST = "fototeca-manifest.json"
"""The archive's last entry; no photo is given this name."""

MAX_BYTES = 255
"""UTF-8 bytes of a name: NAME_MAX of ext4, XFS, APFS and ZFS."""
MAX_UNITS = 160
"""UTF-16 units of a name: leaves 100 of Windows' MAX_PATH (260) to the folder it is put in."""
NUMBER_ROOM = 11
"""Kept free for ` (2)` to ` (99999999)`."""
NAMELESS = "photo"

# The first is what a photo without a fitting one gets. Raw files are TIFF inside.
EXTENSIONS = {
    "image/jpeg": ("jpg", "jpeg", "jpe", "jfif", "jif", "mpo"),
    "image/mpo": ("jpg", "jpeg", "mpo"),
    "image/png": ("png", "apng"),
    "image/apng": ("png", "apng"),
    "image/webp": ("webp",),
    "image/gif": ("gif",),
    "image/bmp": ("bmp", "dib"),
    "image/avif": ("avif", "avifs"),
    "image/heic": ("heic", "heif", "hif", "heics", "heifs"),
    "image/heif": ("heif", "heic", "hif", "heics", "heifs"),
    "image/tiff": (
        *("tif", "tiff", "dng", "nef", "nrw", "cr2", "arw", "sr2", "pef", "srw", "orf", "rw2"),
        *("3fr", "iiq", "erf"),
    ),
}

# Windows opens a device, whatever the extension ("Naming Files, Paths, and Namespaces"). Compared
# folded, so that COM¹ is COM1.
DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in range(10)}
)
RESERVED = re.compile(r'[<>:"/\\|?*]')
UNSAFE = re.compile(r"[^ -~]")
"""What may be unsafe: all but printable ASCII."""
EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,10})\Z")
ZERO_WIDTH_JOINER = "\u200d"
# Emoji and scripts such as Persian need these; every other format character (bidi above all: it
# lets gpj.exe read exe.jpg) is taken out.
KEPT_FORMATS = frozenset({ZERO_WIDTH_JOINER, "\u200c", *map(chr, range(0xE0020, 0xE0080))})


class EntryNames:
    """Gives each photo of one archive its entry name, in the order of the archive.

    A name once given, kept or generated, is never given again; a photo that comes later with a
    name that was generated before gets a number of its own. The time is linear in the number of
    photos whatever they are called. Held in memory is a 60-bit hash for each name (about 75 bytes
    with its place in the set: 8 MB for 100,000 photos, 80 MB for a million) and a counter for each
    name that was asked for twice (at worst, every second photo, as much again). Two names that
    share a hash cost the second a number it did not need, never a name given twice.
    """

    def __init__(self) -> None:
        self._given = {_hash(folded(MANIFEST))}
        self._next: dict[int, int] = {}

    def add(self, own_name: str, media_type: str) -> str:
        """The entry name for a photo with this name and these bytes' media type."""
        name = safe_name(own_name, media_type)
        if self._is_new(name):
            return name
        stem, extension = split(name)
        # The stem is cut to the same length for every number, and names that are the same once cut
        # share their counter: so no number is tried twice for the same stem.
        stem = _cut(stem, len(extension) + NUMBER_ROOM).rstrip(" .")
        key = _hash(folded(stem + extension))
        for number in count(self._next.get(key, 2)):
            numbered = f"{stem} ({number}){extension}"
            if self._is_new(numbered):
                self._next[key] = number + 1
                return numbered
        raise AssertionError("counting ended")

    def _is_new(self, name: str) -> bool:
        before = len(self._given)
        self._given.add(_hash(folded(name)))
        return len(self._given) > before


def safe_name(name: str, media_type: str) -> str:
    """The name a photo has in an archive when no other one has it.

    Never a path, NFC, at most MAX_BYTES and MAX_UNITS, without characters, beginnings, endings or
    device names that some system refuses, hides or obeys, and with an extension that belongs to
    the media type. To apply it again changes nothing.
    """
    name = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    name = UNSAFE.sub(_safe_character, unicodedata.normalize("NFC", name))
    # Taking characters out may have brought together what composes.
    name = unicodedata.normalize("NFC", RESERVED.sub("_", name)).strip(BLANK)
    stem, extension = split(name)
    extensions = EXTENSIONS.get(media_type)
    if extensions and extension[1:].lower() not in extensions:
        stem, extension = name, f".{extensions[0]}"
    stem = stem.rstrip(BLANK) or NAMELESS
    # A shell that is given * takes the first for an option, and the second for a home.
    if stem[0] in "-~" or folded(stem.partition(".")[0].rstrip(BLANK)) in DEVICES:
        stem = f"_{stem}"
    return _cut(stem, len(extension)) + extension


BLANK = "".join(c for c in map(chr, range(0x3001)) if unicodedata.category(c) == "Zs") + "."
"""What no name begins or ends with: spaces, which Windows drops or nobody sees, and dots."""


def split(name: str) -> tuple[str, str]:
    """(stem, extension with its dot, or empty)."""
    match = EXTENSION.search(name)
    if match is None or match.start() == 0:
        return name, ""
    return name[: match.start()], match.group()


def folded(name: str) -> str:
    """The same for any two names that some file system takes for one.

    Compatibility caseless matching (Unicode 3.13, D146), coarser than what APFS and HFS+ (canonical
    decomposition, case, zero-width characters ignored) and NTFS (upper case of each unit) compare.
    """
    if name.isascii():
        return name.lower()  # the same as below
    name = "".join(character for character in name if not _is_ignorable(character))
    for _ in range(2):
        name = unicodedata.normalize("NFKD", name).upper().casefold()
    return unicodedata.normalize("NFKD", name)


def _safe_character(match: re.Match[str]) -> str:
    character = match.group()
    category = unicodedata.category(character)
    if category == "Cf":
        return character if character in KEPT_FORMATS else ""
    if category in {"Cc", "Zl", "Zp"}:
        return ""
    # No encoding, or no character: surrogates, U+FFFE, U+FFFF and their like.
    if category == "Cs" or ord(character) & 0xFFFE == 0xFFFE or "\ufdd0" <= character <= "\ufdef":
        return "_"
    return character


def _is_ignorable(character: str) -> bool:
    return character > "\x7f" and (
        unicodedata.category(character) in {"Cf", "Cc"}
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
    )


def _hash(text: str) -> int:
    # Not hash(): the same photos get the same names in every process.
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 4


def _cut(stem: str, room: int) -> str:
    """The stem's beginning that leaves this room, not cut within what is seen as one character."""
    end = _fitting(stem, room)
    if end == len(stem):
        return stem
    whole = end
    while whole > 0 and _joins(stem, whole):
        whole -= 1
    # Marks without end are no character that anyone sees.
    return stem[: whole if 0 < whole > end - 32 else end].rstrip(BLANK)


def _fitting(stem: str, room: int) -> int:
    """How many of its characters fit."""
    if 4 * len(stem) + room <= MAX_BYTES:
        return len(stem)  # whatever they are: the usual case
    size = units = room
    for index, character in enumerate(stem):
        size += len(character.encode())
        units += 1 + (character > "\uffff")
        if size > MAX_BYTES or units > MAX_UNITS:
            return index
    return len(stem)


def _joins(text: str, index: int) -> bool:
    """Whether what is at the index belongs to what is before it (after Unicode's UAX #29)."""
    before, after = text[index - 1], text[index]
    if before == ZERO_WIDTH_JOINER or after in KEPT_FORMATS:
        return True
    if _is_regional(after):
        first = index
        while first > 0 and _is_regional(text[first - 1]):
            first -= 1
        return (index - first) % 2 == 1
    return (
        unicodedata.category(after) in {"Mn", "Mc", "Me"}
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # skin tones
    )


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"  # two make a flag
