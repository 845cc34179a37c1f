"""What is staged for an S3: files where the system keeps temporary ones, gone with their use."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from fototeca.vault.s3 import S3Vault

HELD = """
import sys, time
from fototeca.vault.s3 import S3Vault
with S3Vault("photos", "working", object()).stage() as staged:
    staged.write(b"photo")
    print(staged.path, flush=True)
    time.sleep(600)
"""


def test_what_is_just_being_staged_is_not_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lock = fcntl.flock

    def late(descriptor: int, how: int) -> None:
        """Another process starts before the file that was just made is locked."""
        monkeypatch.setattr(fcntl, "flock", lock)
        S3Vault("photos", "working", object())
        lock(descriptor, how)

    vault = S3Vault("photos", "working", object())
    monkeypatch.setattr(fcntl, "flock", late)
    with vault.stage() as staged:
        staged.write(b"photo")
        assert staged.path.read_bytes() == b"photo"
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_staged_goes_when_the_vault_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing that is in use, or none of ours."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    other = tmp_path / "other"
    other.write_bytes(b"")
    command = [sys.executable, "-c", HELD]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        dead, alive = (
            Path((process.stdout or sys.stdin).readline().strip()) for process in processes
        )
        processes[0].kill()
        processes[0].wait()
        with S3Vault("photos", "working", object()).stage() as mine:
            S3Vault("photos", "working", object())
            assert set(tmp_path.iterdir()) == {alive, mine.path, other}
        assert set(tmp_path.iterdir()) == {alive, other}
        assert dead != alive
    finally:
        for process in processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
