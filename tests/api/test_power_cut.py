"""An acknowledged upload is on the disk: what the server asks of the kernel, and in which order."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.api.conftest import launch, upload
from tests.conftest import MakeJpeg

CALLS = "fsync,fdatasync,link,linkat,sendto,sendmsg,write,writev"
STEPS = [
    ("the bytes are synced", r"fdatasync\(\d+<\S+/vault/incoming/\w+>"),
    ("they get their name", r"link(at)?\(.*/vault/incoming/\w+\".*/vault/originals/"),
    ("the name is synced", r"fsync\(\d+<\S+/vault/originals/[0-9a-f]{16}/[0-9a-f]{2}>"),
    ("the row is synced", r"fdatasync\(\d+<\S+/catalog\.sqlite3-wal>"),
    ("the client is told", r"(sendto|sendmsg|write|writev)\(\d+<.*HTTP/1\.1 201"),
]


def traces() -> bool:
    strace = shutil.which("strace")
    return strace is not None and (
        subprocess.run([strace, "-o", "/dev/null", "true"], check=False).returncode == 0
    )


@pytest.mark.skipif(not traces(), reason="strace is not there, or may not trace")
def test_bytes_name_and_row_are_on_the_disk_before_the_answer(
    tmp_path: Path, make_jpeg: MakeJpeg
) -> None:
    log = tmp_path / "calls"
    # -D: the server stays our child, and is ended as any other.
    under = ["strace", "-D", "-f", "-y", "-s", "80", "-e", f"trace={CALLS}", "-o", str(log)]
    served = launch(tmp_path / "library", under)
    try:
        browser = served.set_up()
        before = log.stat().st_size
        id = upload(browser, make_jpeg(1))
    finally:
        served.stop()
    calls = log.read_text(errors="replace")[before:]
    assert id in calls
    place = 0
    for what, call in STEPS:
        found = re.compile(call).search(calls, place)
        assert found, f"not before the next: {what}\n{calls[place:]}"
        place = found.end()
