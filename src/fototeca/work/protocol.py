"""The work port: has done what takes longer than a request, wherever it is done.

What is to be done is in the catalog before anyone is told, so nothing is lost with a message: each
call may be repeated, and each piece of work may run twice and change nothing the second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fototeca.catalog.protocol.bundles import Bundle


class Work(Protocol):
    def arrived(self) -> None:
        """Photos were brought in: they wait to be labelled."""
        ...

    def retry(self, owner: str, ids: Sequence[str] | None = None) -> int:
        """Try failed photos (these, or all) once more. Returns how many they are."""
        ...

    def relabel(self, owner: str) -> int:
        """Label every photo again. Returns how many they are."""
        ...

    def recompute(self) -> None:
        """Bring photos up to label settings that an owner changed."""
        ...

    def prepare(self, bundle: Bundle, /) -> None:
        """Prepare a bundle that was just asked for."""
        ...

    def cancel(self, bundle: Bundle, /) -> None:
        """Prepare a bundle no further: it was deleted."""
        ...
