"""Counts stay exact while many clients send, correct, trash and restore the same photos at once."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.api.conftest import Serve, labelled, upload
from tests.conftest import MakeJpeg

LABELS = ("Holiday", "Family", "Mountain", "Beagle")
CLIENTS = 4
STEPS = 40


def test_counts_after_many_clients_at_once(serve: Serve, make_jpeg: MakeJpeg) -> None:
    served = serve()
    owner = served.set_up()
    pictures = [make_jpeg(seed, size=(320, 240)) for seed in range(10)]
    ids = [upload(owner, picture) for picture in pictures[:5]]

    def work(seed: int) -> list[int]:
        chance = random.Random(seed)
        client = served.client(cookie=f"fototeca_session={owner.cookies['fototeca_session']}")
        return [_step(client, chance, ids, pictures).status_code for _ in range(STEPS)]

    with ThreadPoolExecutor(CLIENTS) as clients:
        statuses = [status for each in clients.map(work, range(CLIENTS)) for status in each]
    assert set(statuses) <= {200, 201, 202, 204, 404, 422}
    labelled(owner)
    _exact(owner)
    for photo in ids:
        owner.post(f"/api/photos/{photo}/restore")
    labelled(owner)
    _exact(owner)


def _step(
    client: httpx.Client, chance: random.Random, ids: list[str], pictures: list[bytes]
) -> httpx.Response:
    photo, label = chance.choice(ids), chance.choice(LABELS)
    match chance.randrange(7):
        case 0:
            return client.post("/api/photos", content=chance.choice(pictures))
        case 1:
            return client.delete(f"/api/photos/{photo}")
        case 2:
            return client.post(f"/api/photos/{photo}/restore")
        case 3:
            return client.patch(f"/api/photos/{photo}/labels", json={"remove": [label]})
        case 4:
            return client.post("/api/work/relabel")
        case 5:
            return client.post("/api/bundles", json={"any": [label]})
        case _:
            return client.patch(f"/api/photos/{photo}/labels", json={"add": [label]})


def _exact(owner: httpx.Client) -> None:
    """Every count is the size of its selection, and what is on each photo agrees with it."""
    photos = owner.get("/api/photos", params={"limit": 500}).json()["photos"]
    on = {
        photo["id"]: set(owner.get(f"/api/photos/{photo['id']}").json()["labels"])
        for photo in photos
    }
    counts = {each["name"]: each["count"] for each in owner.get("/api/labels").json()}
    assert set(counts) == set().union(*on.values())
    for label, count in counts.items():
        page = owner.get("/api/photos", params={"any": label}).json()
        found = {photo["id"] for photo in page["photos"]}
        assert found == {id for id, labels in on.items() if label in labels}
        assert page["total"] == len(found) == count
        assert owner.get("/api/totals", params={"any": label}).json()["photos"] == count
