"""The scene head: what is known of photos, fitting where most is unknown, and what was trained."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from fototeca.labelling.calibration import platt
from fototeca.labelling.taxonomy import Taxonomy
from models import logistic, scene_data, scene_head
from models.scene_data import EXCLUDED, HAND, NATURAL, SCENES, groups, known, matrix, splits
from models.train_scenes import PHOTOS

TAXONOMY = Taxonomy.load()


def test_every_scene_is_a_label_and_no_scene_is_a_kind_of_another() -> None:
    # A removed kind takes its share out of its parents: Sky must not go with Clouds.
    assert set(SCENES) <= TAXONOMY.labels.keys()
    kinds = {name: TAXONOMY.descendants(name) & set(SCENES) for name in SCENES}
    assert {name: below for name, below in kinds.items() if below} == {"Building": {"Windmill"}}


def test_the_tables_name_scenes() -> None:
    for names in (NATURAL, HAND, scene_data.COCO, scene_data.RARE, *EXCLUDED.values()):
        assert set(names) <= set(SCENES)
    for (_, label), absent in EXCLUDED.items():
        assert label not in absent


def test_the_head_is_kept_as_it_was(tmp_path: Path) -> None:
    labels, head = scene_head.read()
    assert labels == SCENES
    assert head.weight.shape == (len(SCENES), 1280)
    scene_head.write(labels, head, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == scene_head.FILE.read_bytes()


def test_a_photo_is_only_judged_by_what_is_known(shared_data: Path) -> None:
    photos = {each.path: each for each in known(shared_data)}
    sky = [p for p in photos.values() if p.source == "weather4" and "Sunset" in p.present]
    # What a single label does not exclude is unknown, unless the photo was looked at.
    for each in sky:
        assert each.complete or "Mountain" not in each.present | each.absent
        assert "Food" in each.absent
    assert len([each for each in sky if not each.complete]) > 100
    natural = [each for each in photos.values() if each.source == "natural"]
    assert len(natural) == 1400
    assert all(set(NATURAL) <= each.present | each.absent for each in natural)
    truth = matrix(photos.values())
    assert truth.shape == (len(photos), len(SCENES))
    assert 0.2 < np.isnan(truth).mean() < 0.8


def test_what_was_trained_on_is_written_down_and_apart_from_what_judges(
    shared_data: Path,
) -> None:
    with PHOTOS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    trained = {row["path"] for row in rows if row["split"] == "train"}
    assert not any(p.startswith(("hand/", "camera/", "scenes/sun_cmu/Landscape")) for p in trained)
    held_out = {row["sha256"] for row in rows if row["split"] == "held-out"}
    assert held_out.isdisjoint(row["sha256"] for row in rows if row["split"] == "train")
    photos = {each.path for each in known(shared_data)}
    assert {row["path"] for row in rows} <= photos
    for row in rows[::50]:
        data = (shared_data / row["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"]


def photo(path: str, source: str = "natural") -> scene_data.Known:
    return scene_data.Known(path, source, True, frozenset(), frozenset())


def test_near_duplicates_stay_together_and_away_from_judges() -> None:
    random = np.random.default_rng(3)
    features = random.uniform(0, 1, (60, 40)).astype(np.float32) ** 4
    bits = random.uniform(size=(60, 64)) > 0.5
    bits[20:40] = bits[:20]
    features[20:40] = features[:20] * 1.001
    found = groups(features, bits)
    assert (found[20:40] == found[:20]).all()
    assert len(set(found)) == 40
    photos = [photo(f"natural/{n}.jpg") for n in range(55)]
    photos += [photo(f"hand/{n}.jpg", "hand") for n in range(5)]
    features[[0, 20]] = features[59]
    found = groups(features, bits)
    split = splits(photos, found)
    assert split[0] == split[20] == "unused"  # near duplicates of a judge
    assert split[55:] == ["held-out"] * 5
    for group in set(found.tolist()):
        assert len({split[n] for n in np.flatnonzero(found == group) if n < 55}) <= 1


@pytest.mark.parametrize("balance", [0.0, 1.0])
def test_fitting_finds_what_another_finds(balance: float) -> None:
    random = np.random.default_rng(1)
    features = random.normal(size=(300, 12)).astype(np.float32)
    on = features @ random.normal(size=12) + random.normal(size=300) > 0.7
    truth = on.astype(np.float32)[:, None]
    penalty = 0.1
    head = logistic.fit(features, truth, penalty, balance)
    weighed = np.where(on, ((~on).sum() + 1) / (on.sum() + 1), 1.0) ** balance
    wide = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-3)
    # Its loss is a sum and its penalty half of ours turned around.
    judge = LogisticRegression(C=1 / (penalty * weighed.sum()), tol=1e-8, max_iter=1000)
    judge.fit(wide, on, sample_weight=weighed)
    np.testing.assert_allclose(head.odds(features)[:, 0], judge.decision_function(wide), atol=0.02)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_what_is_unknown_changes_nothing(seed: int) -> None:
    random = np.random.default_rng(seed)
    features = random.normal(size=(80, 5)).astype(np.float32)
    truth = (features[:, :2] > 0.3).astype(np.float32)
    truth[::3, 0] = np.nan
    told = ~np.isnan(truth[:, 0])
    # Standardised by all photos: the same ones, told or not.
    both = logistic.fit(features, truth, 0.1)
    other = truth.copy()
    other[:, 1] = np.nan
    other[0, 1] = 1
    np.testing.assert_allclose(
        logistic.fit(features, other, 0.1).weight[0], both.weight[0], atol=1e-4
    )
    assert ((both.odds(features)[told, 0] > 0) == (truth[told, 0] == 1)).mean() > 0.8


def test_calibrating_makes_odds_true() -> None:
    random = np.random.default_rng(0)
    odds = random.normal(scale=2, size=20_000).astype(np.float32)
    truth = (random.uniform(size=odds.size) < 1 / (1 + np.exp(-odds))).astype(np.float32)
    scale, shift = platt(np.asarray(2 * odds + 3, np.float32), truth)
    assert scale == pytest.approx(0.5, abs=0.03)
    assert shift == pytest.approx(-1.5, abs=0.1)
