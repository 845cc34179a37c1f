"""Checks the web application: `python -m web.check`.

Types and rules of its code, its own tests, and that the API's client is of the API as it is.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from web.build import HERE, BuildError, find_npm, install, run
from web.export_openapi import TARGET, document

TYPES = HERE / "src" / "api" / "types.ts"


def check() -> list[str]:
    """What is wrong."""
    npm = find_npm()
    if npm is None:
        return ["the web application is not checked: there is no Node.js"]
    install(npm)
    wrong = []
    if TARGET.read_text() != document():
        wrong.append("web/openapi.json is not current: python -m web.export_openapi")
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "types.ts"
        run(npm, "exec", "--", "openapi-typescript", str(TARGET), "-o", str(made))
        if made.read_bytes() != TYPES.read_bytes():
            wrong.append("web/src/api/types.ts is not current: npm run types")
    for script in ("check", "test"):
        try:
            run(npm, "run", script)
        except BuildError as error:
            wrong.append(str(error))
    return wrong


if __name__ == "__main__":
    problems = check()
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    sys.exit(bool(problems))
