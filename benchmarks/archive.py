"""A bundle's archive: beside reading the files alone, and what others do with the same photos.

A real catalog and vault. With the photos in the page cache what is compared is work alone, at the
rate of memory; with them dropped from it, what a library larger than memory gives. Each round takes
every way in turn; a rate is the median of the rounds. Needs Linux (posix_fadvise, /proc).
"""

from __future__ import annotations

import http.client
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

import uvicorn
import zipstream
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from fototeca.bundling.bundles import Bundling
from fototeca.bundling.layout import Entry, Layout
from fototeca.bundling.names import EntryNames
from fototeca.catalog.protocol.bundles import Bundle, Placed
from fototeca.catalog.sqlite import SqliteCatalog
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Selection, now
from fototeca.vault.folder import FolderVault
from fototeca.web.ranges import RangedResponse

CHUNK = 1 << 20
ROUNDS = 7
PHOTOS = 160
TARGET_OF_FILES = 0.9
TARGET_OF_ZIPSTREAM = 5.0
TARGET_FIRST_BYTE_MS = 1000.0
COUNTS = (100, 10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    value: float
    unit: str
    ratio: float | None = None
    """To the limit: reading the files, or raw sendfile over a socket."""
    note: str = ""


class Photos:
    """A library with photos of 100 KB to 4 MB (or small ones), and bundles made of them."""

    def __init__(self, root: Path) -> None:
        self.catalog = SqliteCatalog(root / "catalog.sqlite3", Taxonomy.load())
        self.vault = FolderVault.make(root / "vault")
        self._originals = root / "vault" / "originals"
        self.bundling = Bundling(self.catalog, self.vault, timedelta(hours=24))
        accounts = self.catalog.accounts.all()
        account = accounts[0] if accounts else self.catalog.accounts.add(None, None, now())
        self.owner = account.id

    def fill(self, sizes: Sequence[int]) -> list[tuple[str, int, int]]:
        """(id, size, crc32) of new photos of random bytes: zip cannot make them smaller."""
        kept = []
        for size in sizes:
            with self.vault.stage() as staged:
                staged.write(os.urandom(size))
                self.vault.keep_original(self.owner, staged.sha256, staged)
                kept.append((staged.sha256, size, staged.crc32))
        return kept

    def bundle(self, photos: Sequence[tuple[str, int, int]], count: int) -> Bundle:
        """A ready bundle of `count` entries, made of these photos over and over."""
        at = now()
        bundle = self.catalog.bundles.freeze(
            self.owner, Selection(), None, at, at + timedelta(hours=24)
        )
        layout, names = Layout(), EntryNames()
        placed = []
        for position in range(count):
            id, size, crc32 = photos[position % len(photos)]
            entry = Entry(names.add("IMG.jpg", "image/jpeg"), size, crc32, at)
            offset, directory_offset = layout.place(entry, bytes.fromhex(id))
            placed.append(
                Placed(
                    position=position,
                    photo=id,
                    name=entry.name,
                    size=size,
                    crc32=crc32,
                    modified=at,
                    offset=offset,
                    directory_offset=directory_offset,
                )
            )
        claim = self.catalog.bundles.begin(bundle)
        assert claim is not None
        self.catalog.bundles.place(bundle, claim, placed, [])
        self.catalog.bundles.ready(bundle, layout.size, layout.etag)
        ready = self.catalog.bundles.get(self.owner, bundle.id)
        assert ready is not None
        return ready

    def paths(self) -> list[Path]:
        return sorted(path for path in self._originals.rglob("*") if path.is_file())


def photo_sizes() -> list[int]:
    """As a camera and a phone make them: half around 1 MB, the rest from 100 KB to 4 MB."""
    generator = random.Random(7)
    return [
        min(max(int(generator.lognormvariate(13.9, 0.7)), 100_000), 4_000_000)
        for _ in range(PHOTOS)
    ]


# What is compared in one process -----------------------------------------------------------------


def read_files(paths: Sequence[Path]) -> int:
    done = 0
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                done += len(chunk)
    return done


def read_fototeca(photos: Photos, bundle: Bundle) -> int:
    archive = photos.bundling.archive(bundle)
    return sum(map(len, archive.read(0, archive.size)))


class Sink:
    """A file that keeps nothing and cannot seek, as a socket."""

    def __init__(self) -> None:
        self.done = 0

    def write(self, data: bytes) -> int:
        self.done += len(data)
        return len(data)

    def flush(self) -> None:
        pass


def read_zipfile(paths: Sequence[Path]) -> int:
    sink = Sink()
    with zipfile.ZipFile(sink, "w") as archive:  # type: ignore[call-overload]
        for path in paths:
            with (
                path.open("rb", buffering=0) as file,
                archive.open(zipfile.ZipInfo(path.name), "w") as entry,
            ):
                while chunk := file.read(CHUNK):
                    entry.write(chunk)
    return sink.done


def zipstream_chunks(paths: Sequence[Path]) -> Iterator[bytes]:
    archive = zipstream.ZipStream(sized=True)
    for path in paths:
        archive.add_path(path, path.name)
    return iter(archive)


def read_zipstream(paths: Sequence[Path]) -> int:
    return sum(map(len, zipstream_chunks(paths)))


# What is compared over HTTP: a server of its own process -----------------------------------------


def application(photos: Photos) -> Starlette:
    def fototeca(request: Request) -> RangedResponse:
        bundle = photos.catalog.bundles.get(photos.owner, request.path_params["id"])
        assert bundle is not None
        archive = photos.bundling.archive(bundle)
        return RangedResponse(
            size=archive.size,
            etag=archive.etag,
            media_type="application/zip",
            open=archive.read,
            filename=archive.filename,
        )

    def ng(_: Request) -> StreamingResponse:
        return StreamingResponse(zipstream_chunks(photos.paths()), media_type="application/zip")

    return Starlette(routes=[Route("/fototeca/{id}", fototeca), Route("/zipstream", ng)])


def serve(root: Path) -> None:
    """Serve until the standard input ends. Prints the ports of uvicorn and of raw sendfile."""
    photos = Photos(root)
    raw = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=send_files, args=(raw, photos), daemon=True).start()
    web = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application(photos), log_level="error")
    server = uvicorn.Server(config)

    def wait_for_end() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=wait_for_end, daemon=True).start()
    print(web.getsockname()[1], raw.getsockname()[1], flush=True)
    server.run([web])


def send_files(listening: socket.socket, photos: Photos) -> None:
    """The limit: the kernel copies the files to the socket, and nobody looks at them."""
    while True:
        connection, _ = listening.accept()
        with connection:
            for path in photos.paths():
                with path.open("rb") as file:
                    connection.sendfile(file)


class Served:
    """The server's process, and what is asked of it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._process = process
        self.web, self.raw = map(int, process.stdout.readline().split())
        self._buffer = bytearray(CHUNK)

    def download(self, path: str, **headers: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.web)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        if answer.status not in {200, 206}:
            raise SystemExit(f"{path}: {answer.status}")
        done = 0
        while got := answer.readinto(self._buffer):
            done += got
        connection.close()
        return done

    def first_byte(self, path: str, start: int) -> float:
        """Milliseconds from the request to the first byte of the body."""
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.web)
        connection.request("GET", path, headers={"Range": f"bytes={start}-"})
        answer = connection.getresponse()
        assert answer.read(1)
        elapsed = time.perf_counter() - began
        connection.close()
        return elapsed * 1000

    def download_raw(self) -> int:
        done = 0
        with socket.create_connection(("127.0.0.1", self.raw)) as connection:
            while got := connection.recv_into(self._buffer):
                done += got
        return done

    def processor_seconds(self) -> float:
        """What the server has used so far; the client's work is not in it."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def peak_megabytes(self) -> float:
        """Of this process image alone, unlike getrusage's, which begins with its parent's."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024


@contextmanager
def serving(root: Path) -> Iterator[Served]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.archive", "--serve", str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Served(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()


def forget(paths: Sequence[Path]) -> None:
    """Drop the files from the page cache (which they are on the disk beside, whole and durable)."""
    for path in paths:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def rates(
    ways: dict[str, Callable[[], int]], before: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """MB a second of each way, the median of rounds in which each has its turn."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    done: dict[str, int] = {}
    for number in range(ROUNDS + 1):
        for name, way in ways.items():
            before()
            start = time.perf_counter()
            done[name] = way()
            if number:  # the first warms up
                seconds[name].append(time.perf_counter() - start)
    return {name: done[name] / 1e6 / median(taken) for name, taken in seconds.items()}


def costs(ways: dict[str, Callable[[], int]], used: Callable[[], float]) -> dict[str, float]:
    """Processor seconds for a GB of each way. Other programs on the machine change little of it."""
    found = {}
    for name, way in ways.items():
        before = used()
        done = sum(way() for _ in range(ROUNDS))
        found[name] = (used() - before) / done * 1e9
    return found


def throughput(root: Path) -> list[Row]:
    photos = Photos(root)
    bundle = photos.bundle(photos.fill(photo_sizes()), PHOTOS)
    paths = photos.paths()
    from_disk = rates(
        {
            "files from the disk, read at 1 MiB": lambda: read_files(paths),
            "Fototeca, from the disk": lambda: read_fototeca(photos, bundle),
        },
        before=lambda: forget(paths),
    )
    alone = rates(
        {
            "files in memory, read at 1 MiB": lambda: read_files(paths),
            "Fototeca": lambda: read_fototeca(photos, bundle),
            "zipstream-ng": lambda: read_zipstream(paths),
            "zipfile, stored": lambda: read_zipfile(paths),
        }
    )
    with serving(root) as server:
        ways = {
            "raw sendfile": server.download_raw,
            "Fototeca, uvicorn": lambda: server.download(f"/fototeca/{bundle.id}"),
            "zipstream-ng, uvicorn": lambda: server.download("/zipstream"),
        }
        http = rates(ways)
        processor = costs(ways, server.processor_seconds)
    rows = []
    for measured in (from_disk, alone, http):
        limit = next(iter(measured.values()))
        rows += [Row(name, rate, "MB/s", rate / limit) for name, rate in measured.items()]
    rows.append(
        Row(
            "Fototeca beside zipstream-ng, same server",
            http["Fototeca, uvicorn"] / http["zipstream-ng, uvicorn"],
            "times",
            note=f"target {TARGET_OF_ZIPSTREAM:.0f}; raw sendfile"
            f" {http['raw sendfile'] / http['zipstream-ng, uvicorn']:.1f}",
        )
    )
    limit = processor["raw sendfile"]
    rows += [
        Row(f"{name}: the server's processor", cost * 1000, "ms/GB", cost / limit)
        for name, cost in processor.items()
    ]
    return rows


def growth(root: Path) -> list[Row]:
    """Memory and first bytes by the number of photos, each of a server of its own."""
    photos = Photos(root)
    small = photos.fill([20_000] * 50)
    rows = []
    for count in COUNTS:
        start = time.perf_counter()
        bundle = photos.bundle(small, count)
        placing = time.perf_counter() - start
        path = f"/fototeca/{bundle.id}"
        assert bundle.archive_size is not None
        with serving(root) as server:
            before = server.peak_megabytes()
            first = server.first_byte(path, 0)
            middle = median(server.first_byte(path, bundle.archive_size // 2) for _ in range(9))
            directory = median(server.first_byte(path, bundle.archive_size - 999) for _ in range(9))
            server.download(path)
            peak = server.peak_megabytes()
        rows += [
            Row(f"{count:,} photos: peak memory", peak, "MB", note=f"idle {before:.0f}"),
            Row(
                f"{count:,} photos: first byte",
                first,
                "ms",
                note=f"middle {middle:.1f}, directory {directory:.1f}; placed in {placing:.1f} s",
            ),
        ]
    return rows


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as mixed, tempfile.TemporaryDirectory() as small:
        return throughput(Path(mixed)) + growth(Path(small))


def main() -> None:
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]))
        return
    print(
        f"Archive: target {TARGET_OF_FILES} of reading the files, first byte of 100,000 photos"
        f" under {TARGET_FIRST_BYTE_MS:.0f} ms, memory flat"
    )
    for row in run():
        ratio = f"{row.ratio:6.2f}" if row.ratio is not None else " " * 6
        print(f"  {row.name:44} {row.value:8.1f} {row.unit:5} {ratio}  {row.note}".rstrip())


if __name__ == "__main__":
    main()
