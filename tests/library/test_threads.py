"""Threads come and go, as a web server's do: none leaves anything of the catalog open."""

from __future__ import annotations

import threading
from pathlib import Path

from fototeca.app import Library
from fototeca.photos import Selection


def test_a_thread_that_ends_leaves_no_file_open(library: Library, owner: str) -> None:
    def look() -> None:
        library.catalog.photos.page(owner, Selection())

    def burst() -> int:
        threads = [threading.Thread(target=look) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(list(Path("/dev/fd").iterdir()))

    # SQLite closes a file a little later where another connection has it locked.
    few = burst() + 6
    assert max(burst() for _ in range(5)) < few
