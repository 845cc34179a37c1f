"""The metrics of evaluation, against scikit-learn's, and what they make of partly known labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    average_precision_score,
    precision_recall_fscore_support,
)

from fototeca.labelling.dataset import DatasetInvalid, read_dataset
from fototeca.labelling.evaluation import (
    Seen,
    Truth,
    average_precision,
    calibration,
    evaluate,
    precision_recall_f1,
)
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.photos import Label

# Few different scores, so that ties are frequent.
SCORES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0]))
PAIRS = st.lists(st.tuples(st.booleans(), SCORES), min_size=1, max_size=60)


@given(PAIRS)
def test_average_precision_is_scikit_learns(pairs: list[tuple[bool, float]]) -> None:
    truth, scores = zip(*pairs, strict=True)
    assume(any(truth))
    assert average_precision(truth, scores) == pytest.approx(average_precision_score(truth, scores))


def test_average_precision_needs_a_positive() -> None:
    with pytest.raises(ValueError, match="no positive"):
        average_precision([False], [0.5])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_precision_recall_and_f1_are_scikit_learns(pairs: list[tuple[bool, bool]]) -> None:
    truth, on = zip(*pairs, strict=True)
    expected = precision_recall_fscore_support(truth, on, average="binary", zero_division=0)[:3]
    assert precision_recall_f1(truth, on) == pytest.approx(expected)


@given(PAIRS)
def test_calibration_bins_are_scikit_learns(pairs: list[tuple[bool, float]]) -> None:
    right, confidences = zip(*pairs, strict=True)
    result = calibration(right, confidences)
    accuracy, confidence = calibration_curve(right, confidences, n_bins=10)
    assert [each.accuracy for each in result.bins] == pytest.approx(list(accuracy))
    assert [each.confidence for each in result.bins] == pytest.approx(list(confidence))
    assert sum(each.count for each in result.bins) == len(pairs)
    assert 0 <= result.expected_error <= 1


def test_calibration_error_by_hand() -> None:
    # Three at 0.9 of which two are right, one at 0.2 that is wrong: (3 |2/3 - 0.9| + |0 - 0.2|) / 4
    result = calibration([True, True, False, False], [0.9, 0.9, 0.9, 0.2])
    assert result.expected_error == pytest.approx((3 * abs(2 / 3 - 0.9) + 0.2) / 4)


def test_perfectly_calibrated_confidences_have_no_error() -> None:
    random = np.random.default_rng(0)
    confidences = np.repeat([0.05, 0.55, 0.95], 2000)
    right = random.permutation(
        np.concatenate([np.arange(2000) < 2000 * share for share in (0.05, 0.55, 0.95)])
        .reshape(3, 2000)
        .T
    ).T.reshape(-1)
    assert calibration(right, confidences).expected_error == pytest.approx(0, abs=1e-9)


def seen(present: str, absent: str, **confidences: float) -> Seen:
    on = frozenset(name for name, value in confidences.items() if value >= 0.5)
    return Seen(Truth(frozenset(present.split()), frozenset(absent.split())), confidences, on)


def test_a_label_that_is_not_named_is_not_a_negative() -> None:
    photos = [
        seen("Sea", "", Sea=0.9, Beach=0.9),
        seen("Beach", "Sea", Sea=0.2, Beach=0.8),
        seen("Beach", "", Sea=0.9, Beach=0.1),
    ]
    sea, beach = evaluate(photos, ["Sea", "Beach"]).labels
    # The third photo's Sea would be a false positive if it counted.
    assert (sea.support, sea.negatives, sea.precision, sea.recall) == (1, 1, 1.0, 1.0)
    assert sea.average_precision == 1.0
    # Of Beach no photo is known that it is not on: only recall can be told.
    assert (beach.support, beach.negatives, beach.recall) == (2, 0, 0.5)
    assert (beach.average_precision, beach.precision, beach.f1) == (None, None, None)


def test_macro_is_the_mean_of_what_is_known() -> None:
    photos = [seen("A", "B", A=0.9), seen("B", "A", B=0.1, A=0.6), seen("C", "", A=0.7)]
    evaluation = evaluate(photos, ["A", "B", "C"])
    assert evaluation.macro["precision"] == pytest.approx((0.5 + 0.0) / 2)
    assert evaluation.macro["recall"] == pytest.approx((1.0 + 0.0 + 0.0) / 3)
    assert evaluation.coverage == 1.0
    assert evaluate([seen("C", "", A=0.1)], ["C"]).coverage == 0.0


def test_only_labels_with_both_kinds_of_photos_tell_of_calibration() -> None:
    photos = [seen("A", "", A=0.9), seen("A", "", A=0.8)]
    assert evaluate(photos, ["A"]).calibration is None
    photos.append(seen("", "A", A=0.9))
    result = evaluate(photos, ["A"]).calibration
    assert result is not None
    assert sum(each.count for each in result.bins) == 3


def test_no_photos_is_an_error() -> None:
    with pytest.raises(ValueError, match="no photos"):
        evaluate([], ["A"])


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    names = ("Nature", "Lake", "Sea", "Sunset", "Tree", "Desert")
    return Taxonomy([*map(Label, names), Label("Mountain", parents=("Nature",))])


def test_folders_name_the_labels_and_say_nothing_of_others(
    tmp_path: Path, taxonomy: Taxonomy
) -> None:
    for name in ("mountain", "Lake", "Not A Label"):
        (tmp_path / name / "below").mkdir(parents=True)
        (tmp_path / name / "below" / "a.jpg").touch()
    (tmp_path / "stray.jpg").touch()
    lake, mountain, unknown = sorted(
        (photo.truth(taxonomy) for photo in read_dataset(tmp_path)),
        key=lambda truth: ("Lake" not in truth.present, "Mountain" not in truth.present),
    )
    assert "Lake" in lake.present
    assert not lake.absent
    assert mountain.present == {"Mountain", "Nature"}
    assert unknown == Truth(frozenset(), frozenset())

    complete = [photo.truth(taxonomy) for photo in read_dataset(tmp_path, complete=True)]
    assert {"Lake", "Mountain"} in [truth.absent for truth in complete]


def test_a_csv_says_which_photos_are_complete_and_for_what(
    tmp_path: Path, taxonomy: Taxonomy
) -> None:
    manifest = tmp_path / "labels.csv"
    manifest.write_text(
        "path,dataset,labels,maybe_labels,multi_label_complete\n"
        "a.jpg,one,Sea|Sunset,,yes\n"
        "b.jpg,one,Tree,Sea,yes\n"
        "c.jpg,two,Mountain,,no\n"
        'd.jpg,two,Mountain,,"yes, for Desert Mountain"\n'
    )
    a, b, c, d = (photo.truth(taxonomy) for photo in read_dataset(manifest))
    assert a.absent == {"Tree"}
    assert b.absent == {"Sunset"}, "what is perhaps on it is neither on it nor not"
    assert not c.absent
    assert d.absent == {"Desert"}
    assert {photo.path.parent for photo in read_dataset(manifest)} == {tmp_path}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name,label\na,b\n",
        "path,labels\n",
        b"\xff\xfe\x00",
        "labels,path\nSea,a.jpg\nSea\n",
        "path,labels\n,Sea\n",
        "path,labels\na\0.jpg,Sea\n",
    ],
)
def test_what_is_no_data_set_is_told(tmp_path: Path, text: str | bytes) -> None:
    manifest = tmp_path / "labels.csv"
    manifest.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(DatasetInvalid, match="labels"):
        read_dataset(manifest)
    with pytest.raises(DatasetInvalid, match="no photos"):
        read_dataset(tmp_path)
