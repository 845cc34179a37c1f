"""docs/api.md says what is so: its commands (every block marked `sh`) run as one script."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fototeca import samples
from tests.api.conftest import Serve
from tests.api.openapi import Document

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_commands_work(serve: Serve, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    served = serve()
    owner = served.set_up()
    names = ("photo.jpg", "other.jpg", "third.jpg")
    by_name = {path.name: path for path in samples.photos()}
    for name, photo in zip(names, ("cat.jpg", "pagoda.jpg", "picos-de-europa.jpg"), strict=True):
        shutil.copy(by_name[photo], tmp_path / name)
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 8
    script = "\n".join(blocks).replace("http://127.0.0.1:8400", served.address)
    assert served.address in script
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "FOTOTECA_LIBRARY": str(served.library),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "photos.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["other.jpg", "fototeca-manifest.json"]
        assert archive.read("other.jpg") == by_name["pagoda.jpg"].read_bytes()
    assert {photo["name"] for photo in owner.get("/api/photos").json()["photos"]} == set(names)


def test_every_address_it_names_is_one(serve: Serve) -> None:
    document = Document(serve().client())
    known = {operation.path for operation in document.operations()} | {
        "/api/docs", "/api/openapi.json"
    }  # fmt: skip
    named = set(re.findall(r"`(?:GET|PUT|POST|PATCH|DELETE) (/[a-z_/{}]+)`", PAGE.read_text()))
    named |= set(re.findall(r"`(/api/[a-z_/{}.]+)`", PAGE.read_text()))
    assert len(named) > 5
    assert named <= known, named - known
