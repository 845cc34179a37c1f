"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

import typer


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))


def print_table(rows: Sequence[Sequence[object]], align: str = "") -> None:
    """Rows in columns; `align` has `<` or `>` for each column, `<` where it is short."""
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    align = align.ljust(len(widths), "<")
    for row in cells:
        line = "  ".join(
            " " * (width - _width(cell)) + cell
            if side == ">"
            else cell.ljust(width - _width(cell) + len(cell))
            for cell, width, side in zip(row, widths, align, strict=True)
        )
        typer.echo(line.rstrip())


def printable(text: str) -> str:
    """Names come from outside: what would steer the terminal is not printed as it is."""
    return "".join(
        character if unicodedata.category(character)[0] != "C" else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )


def _width(text: str) -> int:
    """Columns on a terminal: East Asian characters take two, combining ones none."""
    return sum(
        0
        if unicodedata.combining(character)
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def size_in_words(size: float) -> str:
    """Bytes in decimal units, as photographers' disks are sold: 12.3 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def counted(number: int, noun: str) -> str:
    """`1 photo`, `1,200 photos`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
