"""Open-vocabulary labelling by a tiny real model: files, preprocessing, prompts, scores, search."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto
from PIL import Image

from fototeca.labelling.choice import open_labeller
from fototeca.labelling.clip import ClipModel
from fototeca.labelling.open_vocabulary import OpenVocabularyLabeller, read_labels
from fototeca.labelling.protocol import Embedder, Labeller, ModelError
from fototeca.labelling.taxonomy import Taxonomy
from tests import tiny_clip

TAXONOMY = Taxonomy.load()
COLOURS = "Red\nGreen\nBlue\n"


def plain(colour: str, size: tuple[int, int] = (40, 30)) -> Image.Image:
    return Image.new("RGB", size, colour)


def labeller(folder: Path, labels: str = COLOURS) -> OpenVocabularyLabeller:
    (folder / "labels.txt").write_text(labels)
    opened = open_labeller(f"clip:{folder}", TAXONOMY)
    assert isinstance(opened, OpenVocabularyLabeller)
    return opened


@pytest.fixture(params=[False, True], ids=["clip", "siglip"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made = tiny_clip.write(tmp_path / "Tiny CLIP", siglip=request.param)
    if request.param:
        (made / "fototeca.json").write_text(json.dumps({"logit_scale": 20, "logit_bias": -2}))
    return made


def confidences(found: Labeller, image: Image.Image) -> dict[str, float]:
    return {each.label: each.confidence for each in found.label(image)}


def test_what_is_seen_is_what_the_list_asks_for(folder: Path) -> None:
    found = labeller(folder)
    assert isinstance(found, Embedder)
    for colour in ("red", "green", "blue"):
        seen = confidences(found, plain(colour if colour != "green" else "#0f0"))
        assert max(seen, key=lambda name: seen[name]) == colour.title()
        assert seen[colour.title()] > 0.5
        assert all(value < 0.5 for name, value in seen.items() if name != colour.title())


def test_a_list_may_be_written_by_an_editor_that_marks_it_as_unicode(folder: Path) -> None:
    found = labeller(folder, "\ufeffRed\nGreen\n")
    assert "Red" in confidences(found, plain("red"))


def test_words_of_ones_own_aliases_and_parents(folder: Path) -> None:
    found = labeller(folder, "# mine\nAlps: red\nOcean : blue\n\nGrass:green # lawn\n")
    seen = confidences(found, plain("red"))
    assert {each.label: each.alone for each in found.label(plain("red"))}["Nature"] == 0
    assert seen["Mountain"] > 0.5, "an alias is its label"
    assert seen["Landscape"] == seen["Mountain"]
    assert {each.source for each in found.label(plain("red"))} == {found.source}
    assert confidences(found, plain("blue"))["Sea"] > 0.5


def test_the_middle_is_seen_or_the_whole_as_the_model_was_trained(tmp_path: Path) -> None:
    wide = plain("red", (90, 30))
    wide.paste("blue", (0, 0, 30, 30))
    wide.paste("blue", (60, 0, 90, 30))
    middle = ClipModel(tiny_clip.write(tmp_path / "a"))
    whole = ClipModel(tiny_clip.write(tmp_path / "b", siglip=True))
    red = middle.texts(["red"])[0]
    assert middle.image(wide) @ red == pytest.approx(middle.image(plain("red")) @ red, abs=0.02)
    assert whole.image(wide) @ red < whole.image(plain("red")) @ red - 0.3


def test_embeddings_have_length_one_and_any_type_of_token_is_taken(tmp_path: Path) -> None:
    model = ClipModel(tiny_clip.write(tmp_path, tokens=TensorProto.INT64))
    texts = model.texts(["red", "a photo of green things, many " * 20])
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-6)
    assert np.linalg.norm(model.image(plain("navy"))) == pytest.approx(1)


def test_text_embeddings_are_kept_by_what_they_were_made_from(folder: Path) -> None:
    first = labeller(folder)
    (kept,) = folder.glob("texts-*.npz")
    before = kept.stat().st_mtime_ns
    again = labeller(folder)
    assert kept.stat().st_mtime_ns == before
    assert again.source == first.source
    other = labeller(folder, "Red\n")
    assert len(list(folder.glob("texts-*.npz"))) == 2
    assert other.source != first.source
    assert other.embedding_source == first.embedding_source
    kept.write_bytes(b"torn")
    assert confidences(labeller(folder), plain("red")) == confidences(first, plain("red"))


def test_a_calibration_changes_confidence_and_the_source(folder: Path) -> None:
    usual = labeller(folder)
    (folder / "calibration.json").write_text(json.dumps({"Red": [1.0, -300.0]}))
    calibrated = labeller(folder)
    assert "Red" not in confidences(calibrated, plain("red"))
    assert calibrated.source != usual.source


def test_whatever_changes_scores_changes_the_source(folder: Path) -> None:
    usual = labeller(folder)
    (folder / "fototeca.json").write_text(json.dumps({"logit_scale": 7}))
    scaled = labeller(folder)
    assert scaled.source != usual.source
    assert scaled.embedding_source == usual.embedding_source
    file = folder / "visual/preprocess_cfg.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"std": [1, 1, 1]}))
    other = labeller(folder)
    assert other.source != scaled.source
    assert other.embedding_source != usual.embedding_source, "made of other pixels"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("visual/model.onnx", "no model", "no model that can be run"),
        ("textual/model.onnx", None, "cannot be read"),
        ("textual/tokenizer.json", "{}", "tokenizer.json is not understood"),
        ("textual/tokenizer_config.json", "[", "is not JSON"),
        ("config.json", "[]", "is no JSON object"),
        ("visual/preprocess_cfg.json", "{}", "is not understood"),
        ("visual/preprocess_cfg.json", '{"size": 8, "mean": 1, "std": 2}', "is not understood"),
        ("calibration.json", '{"Red": 3}', "is not understood"),
        ("labels.txt", "# nothing\n", "is empty"),
        ("fototeca.json", '{"sha256": {"visual/model.onnx": "00"}}', "another SHA-256"),
        ("fototeca.json", '{"sha256": {"config.json": "00"}}', "another SHA-256"),
        ("fototeca.json", '{"sha256": []}', "is no JSON object"),
        ("fototeca.json", '{"logit_scale": "high"}', "no number"),
    ],
)
def test_a_damaged_folder_is_told_in_a_line(
    tmp_path: Path, name: str, content: str | None, told: str
) -> None:
    folder = tiny_clip.write(tmp_path)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    with pytest.raises(ModelError, match=told) as error:
        open_labeller(f"clip:{folder}", TAXONOMY)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["", "clip", "clip:", "other", "bundled:x"])
def test_an_unknown_labeller_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match="no labeller"):
        open_labeller(name, TAXONOMY)


def test_a_list_says_a_label_once(tmp_path: Path) -> None:
    found = read_labels("Sea\nocean: waves\nMine\n", TAXONOMY)
    assert [(each.name, each.words) for each in found] == [("Sea", ("waves",)), ("Mine", ("mine",))]
    # One name is one label, whatever its case: of two, one would never be found.
    assert [each.name for each in read_labels("Our  Pier\nour pier: a jetty\n", TAXONOMY)] == [
        "our pier"
    ]
    for name, wrong in (("A" * 101, "1 to 100 characters"), ("a\0b", "control characters")):
        with pytest.raises(ModelError, match=wrong):
            read_labels(f"Sea\n{name}: words\n", TAXONOMY)
    with pytest.raises(ModelError, match="more than"):
        read_labels("\n".join(f"Label {number}" for number in range(10_001)), TAXONOMY)
