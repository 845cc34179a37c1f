"""What WordNet says of classes, for who edits the taxonomy: `python -m models.candidates alp`.

For each class whose id or words match, prints a table to start from: its words, and the words of
what it is a kind of as candidates for parents. Needs WordNet 3.0 (Debian: wordnet-base).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

from fototeca.labelling.taxonomy import Taxonomy

NOUNS = Path("/usr/share/wordnet/data.noun")


class Synset(NamedTuple):
    """A meaning: its words, and the ids of the meanings it is a kind of."""

    words: tuple[str, ...]
    kinds_of: tuple[str, ...]


def nouns(path: Path = NOUNS) -> dict[str, Synset]:
    """Every noun of WordNet (wndb(5WN)) by the id that ImageNet gives it: n and its offset."""
    found = {}
    for line in path.read_text(encoding="ascii").splitlines():
        if line.startswith(" "):  # the licence
            continue
        fields = line.split(" | ")[0].split()
        end = 4 + 2 * int(fields[3], 16)
        words = tuple(word.replace("_", " ") for word in fields[4:end:2])
        pointers = zip(fields[end + 1 :: 4], fields[end + 2 :: 4], strict=False)
        kinds_of = tuple(f"n{offset}" for symbol, offset in pointers if symbol in ("@", "@i"))
        found[f"n{fields[0]}"] = Synset(words, kinds_of)
    return found


def above(synsets: dict[str, Synset], class_id: str) -> list[str]:
    """The first words of what a class is a kind of, nearest first, up to `entity`."""
    path: list[str] = []
    while synsets[class_id].kinds_of:
        class_id = synsets[class_id].kinds_of[0]
        path.append(synsets[class_id].words[0])
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", help="part of a class's id or of its words")
    text = parser.parse_args().text.casefold()
    synsets = nouns()
    for class_id in Taxonomy.load().classes:
        words = synsets[class_id].words
        if text in class_id or any(text in word.casefold() for word in words):
            print(f'["{words[0].title()}"]')
            print(f"# parents, of these: {' < '.join(above(synsets, class_id))}")
            print(f"aliases = {[word.title() for word in words[1:]]}".replace("'", '"'))
            print(f'classes = ["{class_id} {words[0]}"]\n')


if __name__ == "__main__":
    main()
