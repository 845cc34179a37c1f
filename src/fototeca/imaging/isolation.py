"""Decoding apart: in a child process with limits of memory and time, for what is risky or large.

The child takes one request at a time on its standard input and answers on its output: a line of
JSON, then bytes. Nothing it says is executed or unpickled here: its decoder may be subverted.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any

import pi_heif
from PIL import AvifImagePlugin, Image

from fototeca.imaging.decoding import Developed, decoded
from fototeca.imaging.limits import Limits, Unreadable
from fototeca.photos import Exif, Probe

MAX_ANSWER = 64 << 20
"""Bytes of one part of an answer."""
IDLE_SECONDS = 30.0
"""A child that has nothing to do for so long is ended: its memory is for others."""
THREADS = 2
"""Of the decoders that have some. Each takes address space, which is limited."""


class DecoderProcess:
    """The child, started when it is first needed and again when it was ended."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        # One at a time: large pictures in several processes at once would add up their memory.
        self._one = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._memory = 0
        self._used = 0.0
        self._idle_seconds = idle_seconds
        atexit.register(self.end)

    @property
    def pid(self) -> int | None:
        """Of the child, while there is one."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def develop(self, path: Path, probe: Probe, limits: Limits, side: int) -> Developed:
        """As `decoded`, within the limits of memory and time. Raises Unreadable."""
        with self._one:
            child = self._started(limits.decode_memory)
            request = {
                "path": str(path.absolute()),
                "probe": asdict(replace(probe, exif=Exif())),
                "side": side,
                "seconds": limits.decode_seconds,
            }
            expired = threading.Event()

            def expire() -> None:
                expired.set()
                child.kill()

            timer = threading.Timer(limits.decode_seconds, expire)
            timer.daemon = True
            timer.start()
            try:
                return self._ask(child, request)
            except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
                # Ended by its limits, by the timer or by a crash of the decoder.
                self.end()
                if expired.is_set():
                    raise Unreadable(
                        f"takes longer than {limits.decode_seconds:.0f} seconds to decode"
                    ) from error
                raise Unreadable("damaged: it ended the decoder") from error
            finally:
                timer.cancel()
                # It may be about to kill: wait, or the next photo would lose its child.
                timer.join()
                if expired.is_set():
                    self.end()
                self._used = time.monotonic()

    def end(self) -> None:
        """End the child; it is started again when needed.

        Without the lock: at exit, nobody waits for an answer that is still to come.
        """
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    # What was not sent is lost with the child.
                    with contextlib.suppress(OSError):
                        pipe.close()

    def _started(self, memory: int) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None or self._memory != memory:
            self.end()
            self._memory = memory
            self._child = subprocess.Popen(
                # -P: a folder of photos may be the working directory, and have a json.py.
                [sys.executable, "-P", "-m", "fototeca.imaging.isolation", str(memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={
                    **os.environ,
                    # The same modules as here, wherever they came from.
                    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                    # Each arena of glibc's takes 64 MB of address space.
                    "MALLOC_ARENA_MAX": str(THREADS),
                },
            )
            self._watch_idleness(self._child, self._idle_seconds)
        return self._child

    def _watch_idleness(self, child: subprocess.Popen[bytes], seconds: float) -> None:
        timer = threading.Timer(seconds, self._end_if_idle, [child])
        timer.daemon = True
        timer.start()

    def _end_if_idle(self, child: subprocess.Popen[bytes]) -> None:
        with self._one:
            if self._child is not child:
                return
            left = self._used + self._idle_seconds - time.monotonic()
            if left <= 0:
                self.end()
            else:
                self._watch_idleness(child, left)

    def _ask(self, child: subprocess.Popen[bytes], request: dict[str, Any]) -> Developed:
        if child.stdin is None or child.stdout is None:
            raise EOFError
        child.stdin.write(json.dumps(request).encode() + b"\n")
        child.stdin.flush()
        answer = json.loads(child.stdout.readline(10_000))
        if "unreadable" in answer:
            raise Unreadable(str(answer["unreadable"])[:500])
        grid = _part(child.stdout, answer["grid"])
        view = _part(child.stdout, answer["view"])
        if not all(part.startswith(b"\xff\xd8") for part in (grid, view) if part) or not grid:
            raise ValueError("no JPEG")
        width, height = int(answer["width"]), int(answer["height"])
        if width < 1 or height < 1:
            raise ValueError("no pixels")
        pixels = _part(child.stdout, width * height * 3)
        return Developed(
            grid=grid, view=view or None, image=Image.frombytes("RGB", (width, height), pixels)
        )


def _part(pipe: IO[bytes], length: int) -> bytes:
    if not 0 <= length <= MAX_ANSWER:
        raise ValueError("a part of impossible length")
    data = pipe.read(length)
    if len(data) != length:
        raise EOFError
    return data


decoder = DecoderProcess()


def main() -> None:
    """The child's loop. It ends with its input, so it does not survive its parent."""
    import resource
    import signal

    memory = int(sys.argv[1])
    # macOS knows this limit by name only.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    AvifImagePlugin.DEFAULT_MAX_THREADS = THREADS
    pi_heif.options.DECODE_THREADS = THREADS
    # To the keyboard and to service managers we are of the parent's group: it ends, then our input
    # does. Ending at once would make the photo at hand a failure.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        request = json.loads(line)
        # Whoever asked may have died: a decoder that never ends must not stay behind.
        signal.alarm(int(request["seconds"]) + 5)
        probe = Probe(**{**request["probe"], "exif": Exif()})
        try:
            developed = decoded(Path(request["path"]), probe, request["side"])
        except Unreadable as error:
            out.write(json.dumps({"unreadable": str(error)}).encode() + b"\n")
        else:
            view = developed.view or b""
            head = {
                "grid": len(developed.grid),
                "view": len(view),
                "width": developed.image.width,
                "height": developed.image.height,
            }
            out.write(json.dumps(head).encode() + b"\n")
            out.write(developed.grid + view + developed.image.tobytes())
        signal.alarm(0)
        out.flush()


if __name__ == "__main__":
    main()
