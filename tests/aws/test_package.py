"""What Lambda is given: for its machine, within its limit, the same bytes each time."""

from __future__ import annotations

import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy.aws.package import (
    CORE,
    HERE,
    LABELLING,
    LAMBDA,
    LOCK,
    MODEL,
    UNZIPPED_LIMIT,
    Package,
    Target,
    build,
    requirements,
    unzipped,
)

pytestmark = [pytest.mark.xdist_group("aws-package"), pytest.mark.slow]
ARM64 = 183
"""An ELF file's e_machine (System V ABI, AArch64 supplement)."""


@pytest.mark.parametrize("package", [LABELLING, CORE], ids=lambda package: package.name)
def test_it_fits_and_every_library_is_for_arm64(package: Package) -> None:
    path = build(package)
    assert unzipped(path) < UNZIPPED_LIMIT
    with zipfile.ZipFile(path) as archive:
        libraries = [name for name in archive.namelist() if ".so" in Path(name).name]
        assert libraries
        for name in libraries:
            head = archive.read(name)[:20]
            assert head[:4] == b"\x7fELF"
            assert struct.unpack("<H", head[18:20]) == (ARM64,), name
        for entry in archive.infolist():
            # Lambda's user is not the owner of the files.
            assert entry.external_attr >> 16 & 0o444 == 0o444


def test_the_model_is_only_where_photos_are_labelled() -> None:
    for package, there in ((LABELLING, True), (CORE, False)):
        with zipfile.ZipFile(build(package)) as archive:
            names = set(archive.namelist())
        assert (f"fototeca/{MODEL}" in names) is there
        assert f"fototeca/{MODEL.removesuffix('onnx')}json" in names
        assert any(name.startswith("onnxruntime/") for name in names) is there
        assert {"fototeca/photos.py", "fototeca/labelling/taxonomy.toml"} <= names
        assert not any(name.startswith(("uvicorn/", "typer/")) for name in names)


CLIENTS = ("dynamodb", "rekognition", "s3", "sns", "sqs", "stepfunctions")


@pytest.mark.parametrize(
    ("package", "modules"),
    [
        (
            CORE,
            [f"fototeca.serverless.{name}" for name in ("bundles", "housekeeping", "inbox")]
            + ["mangum", "fototeca.web.application"],
        ),
        (LABELLING, ["fototeca.serverless.label", "fototeca.labelling.onnx"]),
    ],
    ids=["core", "labelling"],
)
def test_it_needs_nothing_beside_itself(
    package: Package, modules: list[str], tmp_path: Path
) -> None:
    """The same package for this machine, in a Python that has nothing else."""
    with zipfile.ZipFile(build(package, target=HERE)) as archive:
        archive.extractall(tmp_path)
    lines = [
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})",
        f"import boto3, {', '.join(modules)}",
        f"for name in {CLIENTS}: boto3.client(name, region_name='eu-west-1')",
    ]
    command = [sys.executable, "-I", "-S", "-c", "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_same_inputs_are_the_same_file_and_pip_runs_once(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    pins = requirements(LOCK.read_text(), HERE, bool)
    six = pins[pins.index("six==") :].split("\n")
    hashes = [line for line in six[1:] if line.startswith("    --hash")]
    count = next(i for i, line in enumerate(hashes) if not line.endswith("\\")) + 1
    lock.write_text("\n".join([six[0], *hashes[:count]]) + "\n")
    first = build(CORE, target=HERE, lock=lock, into=tmp_path / "a")
    again = build(CORE, target=HERE, lock=lock, into=tmp_path / "b")
    assert (first.name, first.read_bytes()) == (again.name, again.read_bytes())
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "a").iterdir()}
    assert build(CORE, target=HERE, lock=lock, into=tmp_path / "a") == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "a").iterdir()} == made


def test_a_lock_is_read_for_the_target_whatever_machine_reads_it() -> None:
    lock = (
        "# made\n"
        "here==1 \\\n    --hash=sha256:aa\n    # via x\n"
        "old==2 ; python_full_version < '3.12' \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
        "new==3 ; python_full_version >= '3.12' \\\n    --hash=sha256:dd\n"
        "arm==4 ; platform_machine == 'aarch64' \\\n    --hash=sha256:ee\n"
        "windows==5 ; sys_platform == 'win32' \\\n    --hash=sha256:ff\n"
        "needless==6 \\\n    --hash=sha256:00\n"
    )

    def has(project: str) -> bool:
        return project != "needless"

    assert requirements(lock, LAMBDA, has) == (
        "here==1 \\\n    --hash=sha256:aa\n"
        "new==3 \\\n    --hash=sha256:dd\n"
        "arm==4 \\\n    --hash=sha256:ee\n"
    )
    assert requirements(lock, Target("x86_64", "3.11"), has) == (
        "here==1 \\\n    --hash=sha256:aa\n"
        "old==2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    )
