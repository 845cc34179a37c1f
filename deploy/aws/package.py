"""Makes what Lambda runs: zips of Fototeca and its locked dependencies, with pip alone."""

from __future__ import annotations

import platform
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "fototeca"
LOCK = ROOT / "requirements" / "lambda.txt"
BUILD = ROOT / "build" / "aws"

UNZIPPED_LIMIT = 250 << 20
"""Bytes: what Lambda takes of a function's code and layers, unzipped."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a package runs. pip takes no older platform for a newer one: all that do are named."""

    machine: str
    python: str

    @property
    def platforms(self) -> tuple[str, ...]:
        return tuple(f"{libc}_{self.machine}" for libc in ("manylinux_2_28", "manylinux2014"))

    @property
    def environment(self) -> dict[str, str]:
        """What markers in the lock are evaluated against (PEP 508)."""
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }


LAMBDA = Target("aarch64", "3.13")
HERE = Target(platform.machine(), ".".join(platform.python_version_tuple()[:2]))
"""For an emulator that runs functions in this machine's Python."""

# Of the lock, what only the command line and the embedded server import.
_EMBEDDED = frozenset(
    [
        "apprise",
        "certifi",
        "charset-normalizer",
        "click",
        "h11",
        "httptools",
        "markdown",
        "markdown-it-py",
        "mdurl",
        "oauthlib",
        "pygments",
        "pyyaml",
        "requests",
        "requests-oauthlib",
        "rich",
        "shellingham",
        "typer",
        "uvicorn",
        "uvloop",
    ]
)
_LABELLING = frozenset(["flatbuffers", "onnxruntime", "packaging", "protobuf"])
# botocore describes more than 400 services, 25 MB; these are used.
_SERVICES = frozenset(
    ["cognito-idp", "dynamodb", "lambda", "rekognition", "s3", "sns", "sqs", "stepfunctions", "sts"]
)
# The page comes from a bucket.
_PUBLISHED = frozenset({"web/built"})
_LEFT_OUT = frozenset(["__pycache__", "bin", "samples", "tests"])
# Its record stays: what labels is told by functions that label nothing.
MODEL = "labelling/model/efficientnet-lite0.onnx"
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Layer:
    """Projects of the lock: installed and zipped once, whatever packages have them."""

    name: str
    has: Callable[[str], bool]


_CORE_LAYER = Layer("core", lambda project: project not in _EMBEDDED | _LABELLING)
_LABELLING_LAYER = Layer("labelling", _LABELLING.__contains__)


@dataclass(frozen=True, slots=True)
class Package:
    """One zip: layers, and src/fototeca without some of its paths."""

    name: str
    layers: tuple[Layer, ...]
    without_source: frozenset[str]


CORE = Package("core", (_CORE_LAYER,), _PUBLISHED | {MODEL})
"""Without the model and what runs it: functions that label nothing start faster."""
LABELLING = Package("labelling", (_CORE_LAYER, _LABELLING_LAYER), _PUBLISHED)


def build(
    package: Package,
    *,
    target: Target = LAMBDA,
    lock: Path = LOCK,
    into: Path = BUILD,
) -> Path:
    """The package's zip, the same bytes for the same inputs; pip runs only when the lock changed.

    Raises CalledProcessError when pip does not find what is locked.
    """
    into.mkdir(parents=True, exist_ok=True)
    base, *others = (_dependencies(layer, target, lock, into) for layer in package.layers)
    files = sorted(_source(package.without_source))
    content = sha256("\0".join(layer.name for layer in (base, *others)).encode())
    for name, path in files:
        content.update(name.encode() + b"\0" + sha256(path.read_bytes()).digest())
    made = into / f"{package.name}-{content.hexdigest()[:16]}.zip"
    if not made.exists():
        with TemporaryDirectory(dir=into) as place:
            unfinished = Path(place, "unfinished.zip")
            copyfile(base, unfinished)
            with zipfile.ZipFile(unfinished, "a") as archive:
                for other in others:
                    with zipfile.ZipFile(other) as zipped:
                        for entry in zipped.infolist():
                            archive.writestr(entry, zipped.read(entry), compresslevel=6)
                _write(archive, files)
            unfinished.replace(made)
    return made


def unzipped(path: Path) -> int:
    """Bytes of a zip's files."""
    with zipfile.ZipFile(path) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def requirements(lock: str, target: Target, has: Callable[[str], bool]) -> str:
    """The lock's pins for a target, of some projects. `lock` is text as `make lock` writes it.

    pip itself would go by the machine that it runs on.
    """
    kept, keeping = [], False
    for line in lock.splitlines():
        if line and not line.startswith((" ", "#")):
            pin = Requirement(line.removesuffix("\\").strip())
            keeping = has(pin.name) and (
                pin.marker is None or pin.marker.evaluate(target.environment)
            )
            line = f"{pin.name}{pin.specifier} \\"
        if keeping and not line.lstrip().startswith("#"):
            kept.append(line)
    return "\n".join(kept) + "\n"


def _dependencies(layer: Layer, target: Target, lock: Path, into: Path) -> Path:
    wanted = requirements(lock.read_text(), target, layer.has)
    # What is made depends on this module, too.
    parts = (target.machine, target.python, wanted, Path(__file__).read_text())
    key = sha256("\0".join(parts).encode()).hexdigest()
    made = into / f"{layer.name}-dependencies-{key[:16]}.zip"
    if made.exists():
        return made
    with TemporaryDirectory(dir=into) as place:
        listed = Path(place, "requirements.txt")
        listed.write_text(wanted)
        folder = Path(place, "python")
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet"),
                *("--disable-pip-version-check", "--require-hashes", "--no-deps", "--no-compile"),
                *("--only-binary", ":all:", "--implementation", "cp"),
                # pip before 24 compares with the Python that it runs in, whatever it is told.
                *("--python-version", target.python, "--ignore-requires-python"),
                *(argument for name in target.platforms for argument in ("--platform", name)),
                *("--target", folder, "-r", listed),
            ],
            check=True,
        )
        unfinished = Path(place, "unfinished.zip")
        with zipfile.ZipFile(unfinished, "w") as archive:
            _write(archive, sorted(_installed(folder)))
        unfinished.replace(made)
    return made


def _installed(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in folder.rglob("*"):
        place = path.relative_to(folder)
        if not path.is_file() or _LEFT_OUT & set(place.parts):
            continue
        described = place.parts[:2] == ("botocore", "data") and len(place.parts) > 3
        if described and place.parts[2] not in _SERVICES:
            continue
        yield place.as_posix(), path


def _source(without: frozenset[str]) -> Iterator[tuple[str, Path]]:
    for path in SOURCE.rglob("*"):
        place = path.relative_to(SOURCE)
        if not path.is_file() or _LEFT_OUT & set(place.parts):
            continue
        if not without & {each.as_posix() for each in (place, *place.parents)}:
            yield f"fototeca/{place.as_posix()}", path


def _write(archive: zipfile.ZipFile, files: Iterable[tuple[str, Path]]) -> None:
    """Without times, and readable by all: the function's user is not who built it."""
    for name, path in files:
        entry = zipfile.ZipInfo(name, _EPOCH)
        entry.external_attr = 0o644 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, path.read_bytes(), compresslevel=6)
