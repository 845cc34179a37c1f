"""Archives built in parts on S3: the same bytes as elsewhere, whatever happens on the way."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import zipfile
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fototeca.bundling.bundles import Bundling, NotReady
from fototeca.bundling.parts import BuildingInParts, PartsMissing
from fototeca.bundling.reader import ArchiveBroken
from fototeca.catalog.protocol import Catalog
from fototeca.catalog.protocol.bundles import Bundle, BundleState
from fototeca.photos import Selection
from fototeca.vault.protocol import OriginalMissing, VaultUnavailable
from fototeca.vault.s3 import S3Vault
from tests.conftest import S3_STORES
from tests.s3.conftest import AddPhoto, outside

PART = 5 << 20
"""The least that S3 takes."""
MINUTES = timedelta(minutes=5)


@pytest.fixture
def building(catalog: Catalog, vault: S3Vault, bundling: Bundling) -> BuildingInParts:
    return BuildingInParts(catalog, vault, bundling, part_size=PART)


@pytest.fixture
def bundle(bundling: Bundling, owner: str, add: AddPhoto) -> Bundle:
    """Of four parts: small photos, one that is longer than a part, and one at its end."""
    for seed in range(5):
        add(seed)
    add(5, padding=9 << 20)
    add(6, padding=4 << 20, name="über/../con.jpg")
    add(7, padding=3 << 20)
    return bundling.request(owner, Selection())


def again(catalog: Catalog, bundle: Bundle) -> Bundle:
    found = catalog.bundles.get(bundle.owner, bundle.id)
    assert found is not None
    return found


def from_originals(bundling: Bundling, bundle: Bundle) -> bytes:
    """What the embedded deployment serves for it."""
    assert bundle.archive_size is not None
    return b"".join(bundling.read(bundle, 0, bundle.archive_size))


def stored(vault: S3Vault, bundle: Bundle) -> bytes:
    assert bundle.archive_size is not None
    return b"".join(vault.read_working(f"{bundle.id}.zip", 0, bundle.archive_size))


def left_behind(s3: Any, vault: S3Vault) -> tuple[list[str], int]:
    """Working files, and multipart uploads that nobody ended."""
    bucket = vault.working.bucket
    files = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    return [file["Key"] for file in files], len(uploads)


def build_parts(building: BuildingInParts, owner: str, id: str) -> None:
    for part in range(1, (building.plan(owner, id) or 0) + 1):
        building.build(owner, id, part)


def test_parts_in_any_order_and_again_are_the_archive(
    building: BuildingInParts,
    bundling: Bundling,
    catalog: Catalog,
    vault: S3Vault,
    bundle: Bundle,
    tmp_path: Path,
) -> None:
    owner, id = bundle.owner, bundle.id
    parts = building.plan(owner, id)
    assert parts == 4
    assert building.plan(owner, id) == 4  # a second time changes nothing
    upload = again(catalog, bundle).upload
    order = [1, 2, 3, 4, 2, 4]
    random.Random(3).shuffle(order)
    for part in order:
        building.build(owner, id, part)
    assert (again(catalog, bundle).built, again(catalog, bundle).parts) == (4, 4)
    made = building.complete(owner, id)
    assert made is not None
    assert (made.state, made.upload) == (BundleState.READY, upload)
    data = stored(vault, made)
    assert len(data) == made.archive_size
    assert data == from_originals(bundling, made)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 9
    (tmp_path / "bundle.zip").write_bytes(data)
    for judge in (["unzip", "-tqq"], ["7z", "t"]):
        if shutil.which(judge[0]):
            subprocess.run([*judge, tmp_path / "bundle.zip"], check=True, capture_output=True)
    # Steps that come again, late: the archive stays as it is.
    assert building.plan(owner, id) == 0
    building.build(owner, id, 1)
    assert building.complete(owner, id) is None
    building.abort(owner, id, "too late")
    assert again(catalog, bundle).state is BundleState.READY
    assert stored(vault, made) == data
    (notice,) = catalog.notices.of(owner)
    assert notice.kind == "bundle-ready"


def test_two_that_complete_at_once_leave_the_archive(
    building: BuildingInParts,
    catalog: Catalog,
    vault: S3Vault,
    bundle: Bundle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner, id = bundle.owner, bundle.id
    build_parts(building, owner, id)
    assert vault.assembly is not None
    whole = vault.assembly.whole

    def overtaken(name: str) -> Any:
        monkeypatch.setattr(vault.assembly, "whole", whole)
        assert building.complete(owner, id) is not None
        return whole(name)

    monkeypatch.setattr(vault.assembly, "whole", overtaken)
    made = building.complete(owner, id)
    assert made == again(catalog, bundle)
    assert made.state is BundleState.READY
    assert zipfile.ZipFile(io.BytesIO(stored(vault, made))).testzip() is None
    assert len(catalog.notices.of(owner)) == 1


def test_what_is_completed_while_it_is_given_up_stays(
    building: BuildingInParts,
    catalog: Catalog,
    vault: S3Vault,
    bundle: Bundle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner, id = bundle.owner, bundle.id
    build_parts(building, owner, id)
    fail = catalog.bundles.fail

    def overtaken(bundle: Bundle, reason: str) -> None:
        assert building.complete(owner, id) is not None
        fail(bundle, reason)

    monkeypatch.setattr(catalog.bundles, "fail", overtaken)
    building.abort(owner, id, "it took too long")
    made = again(catalog, bundle)
    assert made.state is BundleState.READY
    assert zipfile.ZipFile(io.BytesIO(stored(vault, made))).testzip() is None
    assert [notice.kind for notice in catalog.notices.of(owner)] == ["bundle-ready"]


def test_a_part_that_fails_is_built_again_alone(
    building: BuildingInParts,
    catalog: Catalog,
    vault: S3Vault,
    bundle: Bundle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner, id = bundle.owner, bundle.id
    assert building.plan(owner, id) == 4
    building.build(owner, id, 1)
    read = vault.read_original

    def broken(*args: Any) -> Any:
        yield from list(read(*args))[:1]
        raise VaultUnavailable(5, "broken off")

    monkeypatch.setattr(vault, "read_original", broken)
    with pytest.raises(VaultUnavailable):
        building.build(owner, id, 2)
    monkeypatch.setattr(vault, "read_original", read)
    with pytest.raises(PartsMissing, match="part 2 of 4"):
        building.complete(owner, id)
    assert again(catalog, bundle).built == 1
    for part in (2, 3, 4):
        building.build(owner, id, part)
    made = building.complete(owner, id)
    assert made is not None
    assert zipfile.ZipFile(io.BytesIO(stored(vault, made))).testzip() is None


def test_completed_without_having_said_so_is_completed(
    building: BuildingInParts,
    catalog: Catalog,
    vault: S3Vault,
    bundle: Bundle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The function died between S3's answer and the catalog's."""
    owner, id = bundle.owner, bundle.id
    build_parts(building, owner, id)

    def dies(*_: Any) -> bool:
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(catalog.bundles, "ready", dies)
        with pytest.raises(SystemExit):
            building.complete(owner, id)
    assert again(catalog, bundle).state is BundleState.PREPARING
    made = building.complete(owner, id)
    assert made is not None
    assert zipfile.ZipFile(io.BytesIO(stored(vault, made))).testzip() is None


@pytest.mark.parametrize("end", ["abort", "delete", "expire"])
def test_what_ends_before_it_is_ready_leaves_nothing(
    building: BuildingInParts,
    bundling: Bundling,
    catalog: Catalog,
    vault: S3Vault,
    bundle: Bundle,
    s3: Any,
    end: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner, id = bundle.owner, bundle.id
    building.plan(owner, id)
    building.build(owner, id, 1)
    files, uploads = left_behind(s3, vault)
    assert (files, uploads) == ([f"{id}.manifest.json"], 1)
    if end == "abort":
        building.abort(owner, id, "a part could not be read")
        building.abort(owner, id, "again")
        failed = again(catalog, bundle)
        assert (failed.state, failed.failure) == (BundleState.FAILED, "a part could not be read")
        assert [notice.kind for notice in catalog.notices.of(owner)] == ["bundle-failed"]
    elif end == "delete":
        assert bundling.delete(owner, id)
    else:
        monkeypatch.setattr("fototeca.bundling.bundles.now", lambda: bundle.expires_at)
        bundling.expire()
        assert again(catalog, bundle).state is BundleState.EXPIRED
    assert left_behind(s3, vault) == ([], 0)
    # Steps that were under way end quietly, and bring nothing back.
    building.build(owner, id, 2)
    assert building.plan(owner, id) == 0
    assert building.complete(owner, id) is None
    building.abort(owner, id, "late")
    assert left_behind(s3, vault) == ([], 0)


def test_deleted_in_the_middle_of_a_part(
    building: BuildingInParts,
    bundling: Bundling,
    vault: S3Vault,
    bundle: Bundle,
    s3: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    building.plan(bundle.owner, bundle.id)
    read = vault.read_original
    deleted: list[bool] = []

    def meanwhile(*args: Any) -> Any:
        if not deleted:
            deleted.append(True)
            assert bundling.delete(bundle.owner, bundle.id)
        return read(*args)

    monkeypatch.setattr(vault, "read_original", meanwhile)
    building.build(bundle.owner, bundle.id, 1)
    assert deleted
    assert left_behind(s3, vault) == ([], 0)


def test_a_ready_archive_goes_with_its_bundle(
    building: BuildingInParts,
    bundling: Bundling,
    vault: S3Vault,
    bundle: Bundle,
    s3: Any,
) -> None:
    owner, id = bundle.owner, bundle.id
    build_parts(building, owner, id)
    assert building.complete(owner, id) is not None
    assert left_behind(s3, vault)[0] == [f"{id}.manifest.json", f"{id}.zip"]
    assert bundling.delete(owner, id)
    assert left_behind(s3, vault) == ([], 0)


def test_what_vanished_fails_and_is_not_left_out(
    building: BuildingInParts, catalog: Catalog, vault: S3Vault, bundle: Bundle
) -> None:
    owner, id = bundle.owner, bundle.id
    parts = building.plan(owner, id) or 0
    for member in catalog.bundles.members(bundle):
        vault.delete_original(owner, member.photo.id)
    with pytest.raises(OriginalMissing):
        building.build(owner, id, 1)
    with pytest.raises(PartsMissing):
        building.complete(owner, id)
    assert parts == 4


def test_nothing_left_to_include_is_nothing_to_build(
    building: BuildingInParts, catalog: Catalog, vault: S3Vault, bundle: Bundle
) -> None:
    for member in catalog.bundles.members(bundle):
        vault.delete_original(bundle.owner, member.photo.id)
    assert building.plan(bundle.owner, bundle.id) == 0
    assert building.complete(bundle.owner, bundle.id) is None
    failed = again(catalog, bundle)
    assert (failed.state, failed.failure) == (
        BundleState.FAILED,
        "none of its photos could be read",
    )


# The other one has no checksum of the whole.
@pytest.mark.parametrize("s3", S3_STORES[:1], indirect=True)
def test_an_archive_that_a_reader_would_find_broken_is_never_ready(
    building: BuildingInParts, catalog: Catalog, vault: S3Vault, bundle: Bundle, s3: Any
) -> None:
    """The catalog's CRC-32 of a photo is wrong: it is not that of what S3 has."""
    owner, id = bundle.owner, bundle.id
    member = next(catalog.bundles.members(bundle))
    catalog.photos.measured(owner, member.photo.id, member.photo.size, member.photo.crc32 ^ 1)
    build_parts(building, owner, id)
    with pytest.raises(ArchiveBroken, match="CRC-32"):
        building.complete(owner, id)
    assert again(catalog, bundle).state is BundleState.PREPARING
    building.abort(owner, id, "damaged")
    assert left_behind(s3, vault) == ([], 0)


def test_originals_in_the_archive_are_waited_for(
    bundling: Bundling,
    catalog: Catalog,
    bundle: Bundle,
    s3: Any,
    vault: S3Vault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The tiers themselves are AWS's: here, an assembly that says what is away."""
    assembly = vault.assembly
    assert assembly is not None
    ids = [member.photo.id for member in catalog.bundles.members(bundle)]
    away = {ids[1], ids[4]}
    asked: list[list[str]] = []

    def restore(owner: str, some: list[str]) -> list[str]:
        asked.append(list(some))
        return [id for id in some if id in away]

    monkeypatch.setattr(assembly, "restore", restore)
    head = vault.photos.head
    looks: list[str] = []

    def archived(key: str, **more: Any) -> dict[str, Any] | None:
        looks.append(key)
        said = head(key, **more)
        tier = {"ArchiveStatus": "ARCHIVE_ACCESS"} if key[-64:] in away else {}
        return said and {**said, **tier}

    monkeypatch.setattr(vault.photos, "head", archived)
    building = BuildingInParts(catalog, vault, bundling, part_size=PART)
    owner, id = bundle.owner, bundle.id
    assert building.plan(owner, id) is None
    assert again(catalog, bundle).state is BundleState.RESTORING
    # One look at each tells its size and where it is.
    assert len(looks) == len(ids)
    with pytest.raises(NotReady, match="restoring"):
        bundling.archive(again(catalog, bundle))
    assert building.plan(owner, id) is None
    away.discard(ids[1])
    assert building.plan(owner, id) is None
    away.clear()
    assert building.plan(owner, id) == 4
    # Only what was away is asked for, and what came back no more.
    assert asked == [[ids[1], ids[4]], [ids[1], ids[4]], [ids[1], ids[4]], [ids[4]]]
    for part in range(1, 5):
        building.build(owner, id, part)
    made = building.complete(owner, id)
    assert made is not None
    assert zlib.crc32(stored(vault, made)) == zlib.crc32(from_originals(bundling, made))
    assert bundling.delete(owner, id)
    assert left_behind(s3, vault) == ([], 0)


def test_the_archive_is_served_by_the_vault_under_its_name(
    building: BuildingInParts, bundling: Bundling, vault: S3Vault, bundle: Bundle
) -> None:
    owner, id = bundle.owner, bundle.id
    build_parts(building, owner, id)
    made = building.complete(owner, id)
    assert made is not None
    url = bundling.archive(made).url('attachment; filename="photos.zip"', MINUTES)
    assert url is not None
    whole = outside.get(url)
    assert whole.status_code == 200
    assert whole.headers["content-type"] == "application/zip"
    assert whole.headers["content-disposition"] == 'attachment; filename="photos.zip"'
    assert whole.content == stored(vault, made)
    some = outside.get(url, headers={"range": "bytes=100-199"})
    assert (some.status_code, some.content) == (206, whole.content[100:200])
    forged = outside.get(url.replace("photos.zip", "other.zip"))
    assert forged.status_code == 403
