"""What every labeller keeps to, and what the bundled one sees in known pictures."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fototeca import samples
from fototeca.label_settings import LabelRules, LabelSettings
from fototeca.labelling.bundled import BUNDLED
from fototeca.labelling.onnx import OnnxLabeller
from fototeca.labelling.protocol import FLOOR, Labeller, ModelError
from fototeca.labelling.taxonomy import Taxonomy
from fototeca.labelling.tensors import SIDE, pixels
from fototeca.photos import Correction

pytestmark = pytest.mark.skipif(
    not BUNDLED.is_file(), reason="the model is not built: python -m models.build"
)
TAXONOMY = Taxonomy.load()
RULES = LabelRules(
    TAXONOMY,
    {name: label.threshold for name, label in TAXONOMY.labels.items()},
    LabelSettings(),
)
SAMPLES = {path.stem: path for path in samples.photos()}


def bundled() -> Labeller:
    return OnnxLabeller(TAXONOMY)


@pytest.fixture(scope="module", params=[bundled])
def labeller(request: pytest.FixtureRequest) -> Labeller:
    make: Callable[[], Labeller] = request.param
    return make()


def picture(path: Path, side: int = 512) -> Image.Image:
    """A photo as labellers get it: decoded small, upright, RGB."""
    with Image.open(path) as image:
        image.draft("RGB", (side, side))
        return ImageOps.exif_transpose(image).convert("RGB")


def labels_of(labeller: Labeller, path: Path) -> frozenset[str]:
    """The labels that are on a photo when its owner said nothing."""
    return RULES.labels_on(labeller.label(picture(path)), Correction())


def test_source_names_model_and_version(labeller: Labeller) -> None:
    assert re.fullmatch(r"[a-z0-9.-]+@[0-9.]+", labeller.source)
    assert 0 < labeller.input_side <= 1024


@pytest.mark.parametrize("name", SAMPLES)
def test_detections_are_in_order_above_the_floor_and_rolled_up(
    labeller: Labeller, name: str
) -> None:
    detections = labeller.label(picture(SAMPLES[name]))
    confidences = [each.confidence for each in detections]
    by_label = {each.label: each.confidence for each in detections}
    assert detections
    assert confidences == sorted(confidences, reverse=True)
    assert all(FLOOR <= confidence <= 1 for confidence in confidences)
    assert len(by_label) == len(detections)
    assert {each.source for each in detections} == {labeller.source}
    for label, confidence in by_label.items():
        for above in TAXONOMY.ancestors(label):
            assert by_label[above] >= confidence - 1e-9


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 2), (100, 80), (256, 256), (5000, 300)])
def test_pictures_of_any_size_are_labelled(labeller: Labeller, size: tuple[int, int]) -> None:
    for each in labeller.label(Image.new("RGB", size, (90, 120, 200))):
        assert 0 <= each.confidence <= 1


def test_threads_see_what_one_sees(labeller: Labeller) -> None:
    images = [picture(path) for path in SAMPLES.values()]
    alone = [labeller.label(image) for image in images]
    together = threading.Barrier(4)

    def all_at_once(_: int) -> list[list[object]]:
        together.wait()
        return [list(labeller.label(image)) for image in images]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(all_at_once, range(4))) == [alone] * 4


def test_a_picture_is_not_changed(labeller: Labeller) -> None:
    image = picture(SAMPLES["cat"])
    before = image.tobytes()
    labeller.label(image)
    assert image.tobytes() == before


@pytest.mark.parametrize(
    ("name", "expected", "also"),
    [
        ("cat", {"Cat", "Pet", "Animal"}, {"Tabby Cat", "Indoors"}),
        ("two-dogs", {"Dog", "Pet", "Animal"}, {"Spaniel", "Indoors", "Puppy"}),
        ("coffee", {"Coffee", "Drink"}, {"Food", "Cup"}),
        ("aizkorri", {"Mountain", "Landscape", "Sky"}, {"Grass", "Forest", "Field", "Tree"}),
        ("picos-de-europa", {"Mountain", "Landscape", "Sky"}, {"Snow", "Cliff", "Valley"}),
        ("brook", {"Forest", "River", "Water"}, {"Valley", "Tree"}),
        ("pagoda", {"Building", "Sky"}, {"Tree", "Temple", "Grass"}),
        ("dahlia", {"Flower", "Plant", "Nature"}, set()),
        ("sunset", {"Sunset", "Sky"}, {"Mountain", "Volcano", "Clouds"}),
        ("brushes", {"Paintbrush"}, set()),
    ],
)
def test_known_pictures_have_known_labels(
    labeller: Labeller, name: str, expected: set[str], also: set[str]
) -> None:
    found = labels_of(labeller, SAMPLES[name])
    assert expected <= found
    seen = expected | also
    above = {kind for label in seen for kind in TAXONOMY.ancestors(label)}
    assert found <= seen | above | {"Greenery"}


def test_camera_files_get_labels_a_person_agrees_with(
    labeller: Labeller, shared_data: Path
) -> None:
    """What can be seen on each photo was written down by looking at it."""
    flowers = {"Flower", "Greenery", "Grass"}
    waterfall = {"Waterfall", "Cliff", "River", "Sky", "Clouds", "Landscape"}
    # A column of spray behind a man: a geyser to the eye as well.
    geyser = {"Waterfall", "Geyser", "Sky", "Clouds", "Person", "Landscape"}
    seen = {
        "Apple_iPhone_5": {*flowers, "Sky", "Road"},
        "Blackberry_Z10": {"Street", "Road", "Phone", "Person", "Tree", "Car"},
        "Canon_EOS_20D_2_": {"Person", "Clothing", "Indoors", "Night"},
        "Canon_EOS_350D": {"Go-kart", "Sport", "Person", "Road", "Sky", "Clouds", "Tree"},
        "Canon_PowerShot_A610": {"Greenery"},
        "Canon_PowerShot_A85": {"Building", "Sky", "Tree", "City"},
        "IMG_6368": {"Mountain", "Cliff", "Valley", "Forest", "Tree", "Sky", "Clouds"},
        "Kodak_Easyshare_M5370": set[str](),
        "Leica_T_Typ_701_": {"Indoors"},
        "Nokia_Lumia_800": {"Sunset", "Sky", "Clouds", "Landscape"},
        "Oppo_R7_Plus": {"Mountain", "Landscape", "Monument", "Sky", "Clouds", "Stone Wall"},
        "Panasonic_DMC-LX3_Lumix_": {"Building", "Palace", "Monument", "Flag", "Sky", "Clouds"},
        "Panasonic_LZ2": flowers,
        "correct_gps": {"Church", "Palace", "Dome", "Sky", "Grass", "Tree", "Night"},
        "deb_Dragonfly_by_Bolly": {"Tree", "Greenery", "Sky", "Dragonfly"},
        "deb_seeding_by_Clements_Engelhardt": {*flowers, "Field", "Tree"},
        "iphone_hdr_NO": {*flowers, "Tree"},
        "orient_Landscape_2": waterfall,
        "orient_Landscape_3": waterfall,
        "orient_Landscape_8": waterfall,
        "orient_Portrait_5": geyser,
        "orient_Portrait_7": geyser,
    }
    must = {
        "Canon_EOS_350D": {"Go-kart", "Vehicle"},
        "IMG_6368": {"Mountain", "Sky"},
        "Nokia_Lumia_800": {"Sunset"},
        "Panasonic_DMC-LX3_Lumix_": {"Building"},
        "Panasonic_LZ2": {"Flower"},
        "correct_gps": {"Building"},
        "orient_Portrait_5": {"Water", "Person"},
    }
    found = {path.stem: labels_of(labeller, path) for path in (shared_data / "camera").glob("*")}
    assert found.keys() == seen.keys()
    right, wrong = {}, {}
    for name, labels in found.items():
        true = seen[name].union(*(TAXONOMY.ancestors(label) for label in seen[name]))
        right[name], wrong[name] = labels & true, labels - true
    assert all(labels <= found[name] for name, labels in must.items())
    total = sum(len(labels) for labels in found.values())
    assert sum(len(labels) for labels in right.values()) >= 0.85 * total, wrong
    assert len([name for name, labels in right.items() if labels]) >= 0.8 * len(found), wrong


def test_cats_and_dogs_are_told_apart(labeller: Labeller, shared_data: Path) -> None:
    with (shared_data / "scenes.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["dataset"] == "cats_dogs"][::3]
    found = [(row["labels"], labels_of(labeller, shared_data / row["path"])) for row in rows]
    cats = [labels for truth, labels in found if truth == "Cat"]
    dogs = [labels for truth, labels in found if truth == "Dog"]
    assert np.mean(["Cat" in labels for labels in cats]) > 0.75
    assert np.mean(["Dog" in labels for labels in cats]) < 0.15
    assert np.mean(["Dog" in labels for labels in dogs]) > 0.9
    assert np.mean(["Cat" in labels for labels in dogs]) < 0.05


def test_the_models_own_answer_is_to_be_had() -> None:
    answer = OnnxLabeller(TAXONOMY).run(picture(SAMPLES["cat"]))
    assert answer.probabilities.shape == (1000,)
    assert answer.features.shape == (1280,)
    assert len(answer.scenes) >= 30
    assert {each.dtype for each in answer} == {np.dtype(np.float32)}
    assert float(answer.probabilities.sum()) == pytest.approx(1, abs=1e-3)
    assert float(answer.features.min()) >= 0
    assert 0 <= float(answer.scenes.min()) <= float(answer.scenes.max()) <= 1
    top = TAXONOMY.classes[int(answer.probabilities.argmax())]
    assert top in {"n02123045", "n02123159", "n02124075"}  # tabby, tiger cat, Egyptian cat


@pytest.mark.parametrize("turned", [False, True])
def test_the_whole_picture_is_seen_and_the_middle_of_a_panorama(turned: bool) -> None:
    def seen(width: int, height: int, left: int, right: int) -> NDArray[np.uint8]:
        image = Image.new("RGB", (width, height))
        image.paste((255, 255, 255), (left, 0, right, height))
        return pixels(image.transpose(Image.Transpose.ROTATE_90) if turned else image)

    assert seen(300, 200, 0, 300).shape == (SIDE, SIDE, 3)
    assert seen(300, 200, 3, 297).min() < 20
    # The square that is squashed has twice the short side; resizing mixes in a little beyond.
    assert seen(2000, 200, 796, 1204).min() == 255
    assert seen(2000, 200, 810, 1190).min() < 20


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the bundled model that a test may damage."""
    shutil.copy(BUNDLED.with_suffix(".json"), tmp_path)
    return Path(shutil.copy(BUNDLED, tmp_path))


def test_a_damaged_model_is_refused(copy: Path) -> None:
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    with pytest.raises(ModelError, match="damaged"):
        OnnxLabeller(TAXONOMY, copy)


@pytest.mark.parametrize(
    ("record", "complaint"),
    [(b"{", "cannot be read"), (b"{}", "lacks"), (b"[]", "lacks"), (None, "models.build")],
)
def test_a_model_without_its_record_is_refused(
    copy: Path, record: bytes | None, complaint: str
) -> None:
    if record is None:
        copy.with_suffix(".json").unlink()
    else:
        copy.with_suffix(".json").write_bytes(record)
    with pytest.raises(ModelError, match=complaint):
        OnnxLabeller(TAXONOMY, copy)


def test_a_missing_model_is_told(copy: Path) -> None:
    copy.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        OnnxLabeller(TAXONOMY, copy)


def test_a_model_of_other_classes_is_refused(copy: Path) -> None:
    record = json.loads(copy.with_suffix(".json").read_bytes())
    copy.with_suffix(".json").write_text(json.dumps({**record, "classes": 10}))
    with pytest.raises(ModelError, match="classes"):
        OnnxLabeller(TAXONOMY, copy)


def test_scenes_that_the_taxonomy_does_not_know_are_refused(copy: Path) -> None:
    record = json.loads(copy.with_suffix(".json").read_bytes())
    record["scenes"][0] = "Moonscape"
    copy.with_suffix(".json").write_text(json.dumps(record))
    with pytest.raises(ModelError, match="Moonscape"):
        OnnxLabeller(TAXONOMY, copy)


def test_jpegs_decoded_small_or_whole_get_the_same_surest_label(labeller: Labeller) -> None:
    large = picture(SAMPLES["cat"]).resize((3000, 2000))
    file = io.BytesIO()
    large.save(file, "JPEG", quality=95)
    with Image.open(file) as image:
        image.draft("RGB", (labeller.input_side, labeller.input_side))
        assert max(image.size) < 1000
        small = image.convert("RGB")
    assert labeller.label(small)[0].label == labeller.label(large)[0].label
