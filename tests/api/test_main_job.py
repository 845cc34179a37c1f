"""The main job over HTTP: photos in, labels with counts, a selection, and its archive out."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from fototeca import samples
from fototeca.app import open_library
from fototeca.settings import Settings
from tests.api.conftest import (
    Member,
    Serve,
    Served,
    bundled,
    is_problem,
    labelled,
    launch,
    plan,
    upload,
)
from tests.conftest import MakeJpeg
from tests.unit.archives import said_by

pytestmark = pytest.mark.xdist_group("api")

PHOTOS = {sha256(path.read_bytes()).hexdigest(): path for path in samples.photos()}


def labels_of(client: httpx.Client, **selection: Any) -> dict[str, int]:
    return {
        each["name"]: each["count"] for each in client.get("/api/labels", params=selection).json()
    }


def ids_of(client: httpx.Client, **selection: Any) -> set[str]:
    page = client.get("/api/photos", params=selection).json()
    assert page["total"] == len(page["photos"])
    return {photo["id"] for photo in page["photos"]}


def entries(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


def test_every_label_counts_the_photos_that_its_selection_finds(owner: httpx.Client) -> None:
    assert ids_of(owner) == set(PHOTOS)
    work = labelled(owner)
    assert (work["labelled"], work["failures"]) == (len(PHOTOS), [])
    counts = labels_of(owner)
    assert counts["Cat"] == 1
    assert counts["Mountain"] >= 2
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    for label, count in counts.items():
        assert len(ids_of(owner, any=label)) == count
        assert owner.get("/api/totals", params={"any": label}).json()["photos"] == count


def test_any_all_and_none(owner: httpx.Client) -> None:
    counts = labels_of(owner)
    sets = {label: ids_of(owner, any=label) for label in counts}
    for first, second in list(pairwise(counts))[:12]:
        both = {"any": [first, second]}
        assert ids_of(owner, **both) == sets[first] | sets[second]
        assert ids_of(owner, all=[first, second]) == sets[first] & sets[second]
        assert ids_of(owner, any=[first], none=[second]) == sets[first] - sets[second]
        assert ids_of(owner, none=[second]) == set(PHOTOS) - sets[second]
        within = labels_of(owner, **both)
        assert within[first] == len(sets[first])
        assert all(
            count == len(sets[label] & (sets[first] | sets[second]))
            for label, count in within.items()
        )


def test_the_archive_has_exactly_the_selected_photos(owner: httpx.Client, tmp_path: Path) -> None:
    wanted = ids_of(owner, any="Mountain")
    bundle = bundled(owner, any=["Mountain"])
    assert (bundle["photos"], bundle["skipped"]) == (len(wanted), 0)
    answer = owner.get(bundle["url"])
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert int(answer.headers["content-length"]) == bundle["archive_size"] == len(answer.content)
    found = entries(answer.content)
    manifest = json.loads(found.pop("fototeca-manifest.json"))
    assert {sha256(data).hexdigest() for data in found.values()} == wanted
    assert {each["id"] for each in manifest["photos"]} == wanted

    file = tmp_path / "bundle.zip"
    file.write_bytes(answer.content)
    said_by("unzip", "-tq", file)
    said_by("7z", "t", file)


def test_what_failed_is_tried_again_without_a_word_more(
    member: Member, make_jpeg: MakeJpeg
) -> None:
    owner = member.sign_in()
    upload(owner, make_jpeg(1, size=(640, 480))[:-2000], "cut.jpg")
    assert labelled(owner)["failed"] == 1
    assert owner.post("/api/work/retry").json() == {"photos": 1}
    assert labelled(owner)["failed"] == 1
    # The trash is no place to send everything to by leaving something out.
    for route in ("trash", "restore", "labels"):
        is_problem(owner.post(f"/api/photos/{route}", json={}), 422)


def test_the_trash_cannot_be_asked_for_by_labels(member: Member, make_jpeg: MakeJpeg) -> None:
    owner = member.sign_in()
    owner.delete(f"/api/photos/{upload(owner, make_jpeg(1))}")
    for route in ("/api/photos", "/api/photos/layout"):
        assert owner.get(route, params={"state": "trashed"}).status_code == 200
        for kind in ("any", "all", "none"):
            asked = {"state": "trashed", kind: "Mountain"}
            said = is_problem(owner.get(route, params=asked), 422)
            assert "no labels" in said["detail"]


def test_a_layout_that_would_be_the_same_is_not_sent_again(
    serve: Serve, make_jpeg: MakeJpeg
) -> None:
    owner = serve().set_up()
    ids = [upload(owner, make_jpeg(number), f"{number}.jpg") for number in range(2)]
    labelled(owner)
    asked = {"any": "Mine"}
    owner.patch(f"/api/photos/{ids[0]}/labels", json={"add": ["Mine"]})

    def same(kept: dict[str, str]) -> bool:
        again = owner.get("/api/photos/layout", params=asked, headers=kept)
        assert again.status_code in (200, 304)
        return again.status_code == 304 and not again.content

    def answer() -> tuple[dict[str, str], int]:
        answer = owner.get("/api/photos/layout", params=asked)
        assert answer.headers["cache-control"] == "private, no-cache"
        return {"if-none-match": answer.headers["etag"]}, len(answer.json()["ratios"])

    kept, photos = answer()
    assert photos == 1
    assert same(kept)
    for id, change in ((ids[1], {"add": ["Mine"]}), (ids[0], {"remove": ["Mine"]})):
        owner.patch(f"/api/photos/{id}/labels", json=change)
        assert not same(kept)
        kept, _ = answer()
    assert owner.delete(f"/api/photos/{ids[1]}").status_code == 204
    assert not same(kept)
    kept, photos = answer()
    assert photos == 0
    assert same(kept)


def test_a_bundle_stays_as_it_was_asked_for(member: Member) -> None:
    """Photos trashed and labels corrected later change nothing of it."""
    owner = member.sign_in()
    ids = [upload(owner, path.read_bytes(), path.name) for path in samples.photos()[:3]]
    labelled(owner)
    bundle = bundled(owner)
    before = owner.get(bundle["url"]).content
    assert owner.delete(f"/api/photos/{ids[0]}").status_code == 204
    owner.patch(f"/api/photos/{ids[1]}/labels", json={"add": ["Holiday"]})
    assert ids_of(owner, any="Holiday") == {ids[1]}
    assert owner.get(bundle["url"]).content == before
    assert len(entries(before)) == 3 + 1
    assert owner.post(f"/api/photos/{ids[0]}/restore").status_code == 200
    assert ids_of(owner) == set(ids)


def test_curl_resumes_to_identical_bytes(filled: Served, token: str, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    client = filled.with_token(token)
    bundle = bundled(client)
    whole = client.get(bundle["url"]).content
    file = tmp_path / "bundle.zip"
    for cut in (0, 1, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:cut])
        subprocess.run(
            [curl, "-sSf", "-C", "-", "-o", file, "-H", f"Authorization: Bearer {token}",
             filled.address + bundle["url"]],
            check=True,
        )  # fmt: skip
        assert file.read_bytes() == whole


def test_a_broken_connection_goes_on_where_it_stopped(owner: httpx.Client) -> None:
    bundle = bundled(owner)
    whole = owner.get(bundle["url"]).content
    start = b""
    with owner.stream("GET", bundle["url"]) as answer:
        tag = answer.headers["etag"]
        for piece in answer.iter_raw():
            start += piece
            break
    assert 0 < len(start) < len(whole)
    rest = owner.get(bundle["url"], headers={"range": f"bytes={len(start)}-", "if-range": tag})
    assert rest.status_code == 206
    assert start + rest.content == whole
    # The server is well, and serves the next.
    assert owner.get("/health").json()["status"] == "ok"


def test_ranges_and_conditions(owner: httpx.Client) -> None:
    url = bundled(owner, any=["Mountain"])["url"]
    whole = owner.get(url)
    head = owner.head(url)
    assert head.content == b""
    for name in ("content-length", "etag", "accept-ranges", "content-type", "content-disposition"):
        assert head.headers[name] == whole.headers[name]
    size, tag = len(whole.content), whole.headers["etag"]

    def asked(**headers: str) -> httpx.Response:
        return owner.get(url, headers={name.replace("_", "-"): headers[name] for name in headers})

    assert asked(range="bytes=-100").content == whole.content[-100:]
    middle = asked(range=f"bytes=100-{size // 2}", if_range=tag)
    assert middle.headers["content-range"] == f"bytes 100-{size // 2}/{size}"
    assert middle.content == whole.content[100 : size // 2 + 1]
    other = asked(range="bytes=100-", if_range='"another"')
    assert (other.status_code, other.content) == (200, whole.content)
    unsatisfiable = asked(range=f"bytes={size}-")
    is_problem(unsatisfiable, 416)
    assert unsatisfiable.headers["content-range"] == f"bytes */{size}"
    assert asked(if_none_match=tag).status_code == 304
    is_problem(asked(if_match='"another"'), 412)


def test_two_tabs_see_one_library(filled: Served) -> None:
    first, second = filled.sign_in(), filled.sign_in()
    bundle = bundled(first, any=["Cat"])
    assert second.get(bundle["url"]).content == first.get(bundle["url"]).content
    assert bundle["id"] in [each["id"] for each in second.get("/api/bundles").json()]
    # Signing out of one does not sign out the other.
    assert first.delete("/api/session").status_code == 204
    is_problem(first.get("/api/photos"), 401)
    assert second.get("/api/session").json()["email"] == "dan@example.com"


def test_two_tabs_sending_the_same_photo_make_one(member: Member) -> None:
    data = samples.photos()[0].read_bytes()
    first, second = member.sign_in(), member.sign_in()
    one, other = plan(first, data, "one.jpg"), plan(second, data, "other.jpg")
    headers = one["upload"]["headers"]
    added = first.put(one["upload"]["url"], content=data, headers=headers)
    known = second.put(other["upload"]["url"], content=data, headers=headers)
    assert (added.status_code, known.status_code) == (201, 200)
    assert known.json()["name"] == "one.jpg"
    assert plan(first, data)["state"] == "duplicate"
    assert first.get("/api/photos").json()["total"] == 1


def test_two_servers_of_one_library_are_one(serve: Serve) -> None:
    first = serve()
    second = launch(first.library)
    try:
        here, there = first.set_up(), second.client()
        is_problem(there.get("/api/session"), 401)
        assert there.get("/api/session/options").json()["set_up"] is True
        there.cookies = here.cookies
        photos = [path.read_bytes() for path in samples.photos()[:4]]
        for data in photos:
            upload(here, data)
            assert plan(there, data)["state"] == "duplicate"
        # What one was asked for, whoever does it, the other has.
        assert labelled(there)["labelled"] == 4
        assert labels_of(here) == labels_of(there)
        bundle = bundled(there)
        archive = here.get(bundle["url"]).content
        assert archive == there.get(bundle["url"]).content
        assert len(entries(archive)) == 4 + 1
        first.stop()
        assert ids_of(there) == {sha256(data).hexdigest() for data in photos}
    finally:
        second.stop()
    with open_library(Settings(library=first.library)) as library:
        assert library.catalog.check(repair=False) == []


def test_an_expired_bundle_is_gone(serve: Serve) -> None:
    owner = serve(bundle_hours="0.0005").set_up()
    upload(owner, samples.photos()[0].read_bytes())
    place = owner.post("/api/bundles", json={}).headers["location"]
    while (answer := owner.get(f"{place}/archive")).status_code != 410:  # the time limit ends it
        assert answer.status_code in (200, 409)
    assert is_problem(answer, 410)["detail"] == "the bundle is expired"
    assert owner.get(place).json()["state"] == "expired"
    assert [bundle["state"] for bundle in owner.get("/api/bundles").json()] == ["expired"]
    assert owner.delete(place).status_code == 204
    assert owner.get("/api/photos").json()["total"] == 1


def test_a_bundle_is_not_ready_before_it_is(member: Member) -> None:
    """Asked for while it is being prepared it is 409 or, prepared meanwhile, whole."""
    owner = member.sign_in()
    upload(owner, samples.photos()[0].read_bytes())
    place = owner.post("/api/bundles", json={}).headers["location"]
    while (answer := owner.get(f"{place}/archive")).status_code != 200:
        is_problem(answer, 409)
    assert len(entries(answer.content)) == 1 + 1


def test_what_selects_nothing_makes_no_bundle(owner: httpx.Client) -> None:
    before = len(owner.get("/api/bundles").json())
    assert is_problem(owner.post("/api/bundles", json={"any": ["No such thing"]}), 422)["detail"]
    is_problem(owner.post("/api/bundles", json={"ids": ["0" * 64]}), 422)
    assert len(owner.get("/api/bundles").json()) == before


def test_a_bundle_is_of_a_name_and_without_some(owner: httpx.Client) -> None:
    found = owner.get("/api/photos", params={"q": "da"}).json()["photos"]
    totals = owner.get("/api/totals", params={"q": "da"}).json()
    assert totals == {"photos": len(found), "bytes": sum(each["size"] for each in found)}
    without = [found[0]["id"]]
    bundle = owner.post("/api/bundles", json={"q": "", "without": without}).json()
    assert bundle["photos"] == owner.get("/api/totals").json()["photos"] - 1
    is_problem(owner.post("/api/bundles", json={"ids": without, "without": without}), 422)
    is_problem(owner.post("/api/bundles", json={"ids": without, "q": "da"}), 422)
    is_problem(owner.post("/api/bundles", json={"q": "no such name"}), 422)


def test_a_deleted_bundle_is_not_there_and_its_photos_stay(owner: httpx.Client) -> None:
    bundle = bundled(owner, any=["Cat"])
    assert owner.delete(f"/api/bundles/{bundle['id']}").status_code == 204
    is_problem(owner.get(bundle["url"]), 404)
    is_problem(owner.delete(f"/api/bundles/{bundle['id']}"), 404)
    assert len(ids_of(owner, any="Cat")) == 1


def test_what_is_kept_and_what_it_would_cost(owner: httpx.Client) -> None:
    storage = owner.get("/api/storage").json()
    sizes = [path.stat().st_size for path in samples.photos()]
    assert (storage["photos"], storage["bytes"]) == (len(sizes), sum(sizes))
    monthly = storage["on_aws"]["monthly"]
    assert 0 < monthly["not opened for 90 days"] < monthly["opened within 30 days"] < 0.01
