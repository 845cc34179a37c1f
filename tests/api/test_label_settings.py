"""Label settings over HTTP: photos follow; hidden, renamed and merged labels are as they say."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fototeca import samples
from tests.api.conftest import Member, is_problem, labelled, until, upload

pytestmark = pytest.mark.xdist_group("api")


@pytest.fixture
def dan(member: Member) -> httpx.Client:
    """Whose sample photos are labelled."""
    client = member.sign_in()
    for path in samples.photos():
        upload(client, path.read_bytes(), path.name)
    labelled(client)
    return client


def counts(client: httpx.Client, **query: Any) -> dict[str, int]:
    return {each["name"]: each["count"] for each in client.get("/api/labels", params=query).json()}


def put(client: httpx.Client, **settings: Any) -> dict[str, Any]:
    """The settings, once every photo follows them."""
    answer = client.put("/api/label-settings", json=settings)
    assert answer.status_code == 200, answer.text

    def current() -> dict[str, Any] | None:
        state: dict[str, Any] = client.get("/api/label-settings").json()
        return None if state["recomputing"] else state

    found: dict[str, Any] = until(current, "recomputed")
    return found


def test_counts_grid_and_bundles_follow_the_settings(dan: httpx.Client) -> None:
    usual = counts(dan)
    state = put(dan, sureness=1.0)
    assert state["sureness"] == 1.0
    assert sum(counts(dan).values()) < sum(usual.values())
    put(dan, sureness=-1.0)
    assert sum(counts(dan).values()) > sum(usual.values())
    put(dan, thresholds={"Mountain": 1.0, "Cat": 0.1})
    assert "Mountain" not in counts(dan)
    assert dan.get("/api/totals", params={"any": "Mountain"}).json()["photos"] == 0
    assert put(dan)["thresholds"] == {}
    assert counts(dan) == usual


def test_labels_are_meant_by_any_name(dan: httpx.Client) -> None:
    """Aliases, upper and lower case, own labels: in settings, selections and corrections alike."""
    photo = dan.get("/api/photos", params={"any": "cat"}).json()["photos"][0]["id"]
    state = put(dan, thresholds={"kitten": 0.9}, hidden=["outdoors"], renames={"ocean": "Meer"})
    assert state["hidden"] == ["Nature"]
    assert state["renames"] == {"Sea": "Meer"}
    dan.patch(f"/api/photos/{photo}/labels", json={"add": ["Our Garden", "ocean"]})
    dan.patch(f"/api/photos/{photo}/labels", json={"add": ["our garden"]})
    found = counts(dan)
    assert found["Our Garden"] == found["Meer"] == 1
    assert "our garden" not in found
    assert "Nature" not in found
    # Also where no photo has it yet, and one request says it twice.
    dan.patch(f"/api/photos/{photo}/labels", json={"add": ["Our Pier", "our  pier", "OUR PIER"]})
    assert [name for name in counts(dan) if name.casefold() == "our pier"] == ["Our Pier"]
    for name in ("our GARDEN", "MEER", "Ocean"):
        assert dan.get("/api/totals", params={"any": name}).json()["photos"] == 1, name
    put(dan, hidden=["our garden"], renames={"Sea": "Meer "})
    assert "Our Garden" not in counts(dan)
    assert dan.get("/api/totals", params={"any": " Meer"}).json()["photos"] == 1
    # Another name that is a label already, in its own spelling or by an alias, merges with that.
    renames = {"Lake": "OCEAN", "Cat": "our  garden", "Dog": "Friend", "Bird": "friend"}
    wanted = {"Lake": "Sea", "Cat": "Our Garden", "Dog": "Friend", "Bird": "Friend"}
    for given in (renames, wanted):
        assert put(dan, renames=given)["renames"] == wanted
    assert put(dan, renames={"Sea": "Ocean", "Lake": "ocean"})["renames"]["Lake"] == "Ocean"
    assert put(dan, renames={"Sea": "ocean"})["renames"] == {"Sea": "ocean"}
    # What looks the same is the same: composed and decomposed characters, and own labels by case.
    for name in ("Oma Ju\u0308rgens", "oma  J\u00dcRGENS"):
        dan.patch(f"/api/photos/{photo}/labels", json={"add": [name]})
    assert counts(dan)["Oma J\u00fcrgens"] == 1
    assert put(dan, renames={"oma ju\u0308rgens": "Oma"})["renames"] == {"Oma J\u00fcrgens": "Oma"}
    assert counts(dan)["Oma"] == 1
    # An own label is found by the name that it had, as one of the taxonomy is.
    assert counts(dan, q="j\u00fcrgens") == {"Oma": 1}
    assert dan.get("/api/totals", params={"any": "oma J\u00dcRGENS"}).json()["photos"] == 1
    # So is what is not seen no part of a name: a reversal of what follows, a space of no width.
    dan.patch(f"/api/photos/{photo}/labels", json={"add": ["\u202eOma\u202c", "\u200bOma"]})
    assert counts(dan, q="oma") == {"Oma": 1}
    family = "\U0001f468\u200d\U0001f467"
    dan.patch(f"/api/photos/{photo}/labels", json={"add": [family]})
    assert counts(dan)[family] == 1


def test_hidden_labels_are_not_listed_and_can_be_selected(dan: httpx.Client) -> None:
    usual = counts(dan)
    put(dan, hidden=["Nature"])
    assert "Nature" not in counts(dan)
    assert counts(dan, hidden=True) == usual
    listed = dan.get("/api/labels", params={"hidden": True}).json()
    assert [each["name"] for each in listed if each["hidden"]] == ["Nature"]
    assert dan.get("/api/totals", params={"any": "Nature"}).json()["photos"] == usual["Nature"]


def test_labels_are_found_and_corrected_by_their_new_name(dan: httpx.Client) -> None:
    usual = counts(dan)
    put(dan, renames={"Mountain": "Alps", "Cat": "Friends", "Dog": "Friends"})
    now = counts(dan)
    assert now["Alps"] == usual["Mountain"]
    assert now["Friends"] == usual["Cat"] + usual["Dog"]
    assert "Mountain" not in now
    [alps] = [each for each in dan.get("/api/labels").json() if each["name"] == "Alps"]
    assert "Mountain" in alps["aliases"]
    assert alps["parents"] == ["Landscape"]
    for name in ("alps", "Mountain", "Mountains"):
        assert dan.get("/api/totals", params={"any": name}).json()["photos"] == now["Alps"]
    [cat] = dan.get("/api/photos", params={"q": "cat.jpg"}).json()["photos"]
    details = dan.patch(f"/api/photos/{cat['id']}/labels", json={"remove": ["friends"]}).json()
    assert "Friends" not in details["labels"]
    assert details["correction"] == {"added": [], "removed": ["Friends"]}
    assert "Cat" not in {each["label"] for each in details["detections"]}
    details = dan.patch(f"/api/photos/{cat['id']}/labels", json={"clear": ["Friends"]}).json()
    assert "Friends" in details["labels"]
    assert details["correction"] == {"added": [], "removed": []}
    put(dan)
    assert counts(dan) == usual


def test_names_to_choose_from_are_there_before_any_photo_has_them(owner: httpx.Client) -> None:
    offered = counts(owner, unused=True)
    assert offered["Waterfall"] == 0
    assert offered["Cat"] == 1
    assert counts(owner, unused=True, q="ocean") == {"Sea": 0, "Cruise Ship": 0}


@pytest.mark.parametrize(
    "settings",
    [
        {"sureness": 2},
        {"thresholds": {"Lake": 3}},
        {"thresholds": {"": 0.5}},
        {"thresholds": {"Lake": 1e308}},
        {"hidden": ["\u200b"]},
        {"hidden": ["\u202e\u202c"]},
        {"hidden": ["a\x9bb"]},
        {"renames": {"Lake": " \ufeff "}},
        {"renames": {"Lake": "x" * 10_000}},
        {"renames": {"Lake": "Sea", "Sea": "Ocean"}},
        {"renames": {"Lake": "Lake"}},
        {"hidden": "Lake"},
        {"unknown": 1},
    ],
)
def test_bad_settings_change_nothing(owner: httpx.Client, settings: dict[str, Any]) -> None:
    before = owner.get("/api/label-settings").json()
    assert is_problem(owner.put("/api/label-settings", json=settings), 422)
    assert owner.get("/api/label-settings").json() == before


def test_what_is_wrong_with_a_name_is_said_in_words(owner: httpx.Client) -> None:
    answer = owner.put("/api/label-settings", json={"renames": {"Lake": "x" * 101}})
    assert answer.json()["errors"][0]["what"] == "a label has 1 to 100 characters"


def test_labelling_again_is_summed_up(dan: httpx.Client) -> None:
    work = dan.get("/api/work").json()
    assert work["model"].startswith("efficientnet-lite0@")
    assert (work["outdated"], work["relabelling"]) == (0, None)
    assert dan.post("/api/work/relabel").json() == {"photos": 12}
    work = labelled(dan)
    assert (work["relabelling"]["total"], work["relabelling"]["done"]) == (12, 12)
    assert work["relabelling"]["finished_at"] is not None
    assert work["relabelling"]["changes"] == []
