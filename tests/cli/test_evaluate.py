"""`fototeca evaluate`, `cost`: figures that can be worked out by hand."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest
from PIL import Image

from fototeca import samples
from fototeca.cost import GB, Usage, list_prices, on_aws
from tests import tiny_clip
from tests.cli.conftest import Run


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    root = tmp_path / "set"
    photos = {path.name: path for path in samples.photos()}
    for label, names in {
        "Mountain": ["aizkorri.jpg", "picos-de-europa.jpg"],
        "Cat": ["cat.jpg"],
        "Flower": ["dahlia.jpg", "rocket.jpg"],
        "Nothing We Know": ["coffee.jpg"],
    }.items():
        (root / label).mkdir(parents=True)
        for name in names:
            shutil.copy(photos[name], root / label)
    return root


def test_a_folder_of_folders(run: Run, dataset: Path) -> None:
    partly = run("evaluate", dataset, "--json").json
    by_label = {each["label"]: each for each in partly["labels"]}
    assert set(by_label) == {"Mountain", "Cat", "Flower"}
    assert by_label["Mountain"]["recall"] == 1.0
    assert by_label["Flower"]["recall"] == 0.5, "a rocket is no flower"
    assert by_label["Mountain"]["average_precision"] is None, "no photo is known to lack it"
    assert partly["macro"]["recall"] == pytest.approx(2.5 / 3)
    assert partly["calibration"]["expected_calibration_error"] is None
    assert partly["unknown_labels"] == ["Nothing We Know"]
    assert partly["photos"] == 6
    assert partly["photos_per_second"] > 0

    whole = run("evaluate", dataset, "--complete", "--json").json
    cat = next(each for each in whole["labels"] if each["label"] == "Cat")
    assert (cat["support"], cat["negatives"]) == (1, 5)
    assert (cat["average_precision"], cat["precision"], cat["recall"], cat["f1"]) == (1, 1, 1, 1)
    assert 0 <= whole["calibration"]["expected_calibration_error"] <= 1
    assert sum(each["count"] for each in whole["calibration"]["bins"]) > 0
    assert 0 < whole["coverage"] <= 1
    table = run("evaluate", dataset, "--complete").out
    assert "unknown labels: Nothing We Know" in table
    assert any(line.split()[:2] == ["Cat", "1.000"] for line in table.splitlines())


def test_the_page(run: Run, dataset: Path, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    assert run("evaluate", dataset, "--complete", "--html", target).status == 0
    text = target.read_text()
    assert "efficientnet-lite0@" in text
    assert "Not seen" in text
    assert "rocket.jpg" in text
    assert "Unknown labels: Nothing We Know" in text
    # What was found is told even where the page cannot be written.
    answer = run("evaluate", dataset, "--html", tmp_path / "no" / "page.html")
    assert (answer.status, "Traceback" in answer.err) == (1, False)
    assert "6 photos, " in answer.out


def test_any_model_is_evaluated_and_calibrated(run: Run, tmp_path: Path) -> None:
    model = tiny_clip.write(tmp_path / "tiny")
    photos = tmp_path / "photos"
    colours = {
        "Flower": ["red", "#f20", "#e11", "#800"],
        "Grass": ["#0f0", "#2f2", "#080", "#9e9"],
        "Our pier": ["#00f", "#22f", "#008", "#99e"],
    }
    (model / "labels.txt").write_text("Flower: red\nGrass: green\nOur Pier: blue\n")
    for name, of_it in colours.items():
        (photos / name).mkdir(parents=True)
        for number, colour in enumerate(of_it):
            Image.new("RGB", (64, 64), colour).save(photos / name / f"{number}.png")
    options = ("--complete", "--model", f"clip:{model}")
    before = run("evaluate", photos, *options, "--json").json
    assert before["model"].startswith("tiny@")
    assert before["macro"]["average_precision"] == 1
    assert [each["label"] for each in before["labels"]] == ["Flower", "Grass", "Our Pier"]
    assert before["unknown_labels"] == []
    told = run("evaluate", photos, *options, "--calibrate")
    assert (told.status, "calibrated: Flower, Grass, Our Pier" in told.out) == (0, True)
    kept = (model / "calibration.json").read_bytes()
    after = run("evaluate", photos, *options, "--calibrate", "--json").json
    assert after["model"] != before["model"]
    error = "expected_calibration_error"
    assert after["calibration"][error] <= before["calibration"][error] + 0.01
    assert after["calibrated"] == ["Flower", "Grass", "Our Pier"]
    assert (model / "calibration.json").read_bytes() == kept, "once is enough"
    answer = run("evaluate", photos, "--model", f"clip:{model}", "--calibrate")
    assert (answer.status, "nothing to calibrate by" in answer.err) == (1, True)
    answer = run("evaluate", photos, "--calibrate")
    assert (answer.status, "only clip:FOLDER" in answer.err) == (2, True)
    answer = run("evaluate", photos, "--model", f"clip:{tmp_path}")
    assert (answer.status, "config.json cannot be read" in answer.err) == (1, True)


def test_scores_too_low_to_be_kept_are_calibrated(run: Run, tmp_path: Path) -> None:
    """As SigLIP's are: what it says of the right label is often below one per cent."""
    model = tiny_clip.write(tmp_path / "tiny", siglip=True)
    (model / "fototeca.json").write_text(json.dumps({"logit_scale": 20, "logit_bias": -8}))
    (model / "labels.txt").write_text("Flower: red\nGrass: green\n")
    photos = tmp_path / "photos"
    for name, shades in (("Flower", "#{0}00"), ("Grass", "#0{0}0")):
        (photos / name).mkdir(parents=True)
        for shade in "89abcdef":
            Image.new("RGB", (8, 8), shades.format(shade)).save(photos / name / f"{shade}.png")
    options = ("--complete", "--model", f"clip:{model}")
    assert run("evaluate", photos, *options, "--json").json["coverage"] == 0
    assert run("evaluate", photos, *options, "--calibrate").status == 0
    after = run("evaluate", photos, *options, "--json").json
    assert after["macro"]["f1"] > 0.8


def test_recorded_answers_are_evaluated(run: Run, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for folder, name in (("Sea", "a.jpg"), ("Sea", "b.jpg"), ("Cat", "c.jpg")):
        (photos / folder).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (320, 240), "teal").save(photos / folder / name)
    answer_of_ocean = {
        "Labels": [{"Name": "Ocean", "Confidence": 97.5, "Parents": [{"Name": "Water"}]}],
        "LabelModelVersion": "3.1",
    }
    lines = [
        {"path": "elsewhere/a.jpg", "answer": answer_of_ocean},
        {"path": "b.jpg", "answer": {"Labels": [{"Name": "Cat", "Confidence": 90}]}},
        {"path": "c.jpg", "answer": {"Labels": [{"Name": "Cat", "Confidence": 99}]}},
    ]
    kept = tmp_path / "answers.jsonl"
    kept.write_text("\ufeff" + "\n".join(map(json.dumps, lines)) + "\n\n", encoding="utf-8")
    found = run("evaluate", photos, "--complete", "--model", f"recorded:{kept}", "--json").json
    by_label = {each["label"]: each for each in found["labels"]}
    assert by_label["Sea"]["recall"] == 0.5
    assert by_label["Cat"]["precision"] == 0.5
    assert found["model"] == "rekognition@3.1"
    kept.write_text(json.dumps(lines[0]) + "\n{}\n")
    answer = run("evaluate", photos, "--model", f"recorded:{kept}")
    assert (answer.status, "line 2" in answer.err) == (1, True)
    kept.write_text(json.dumps(lines[0]))
    answer = run("evaluate", photos, "--model", f"recorded:{kept}")
    assert (answer.status, "no recorded answer" in answer.err) == (1, True)


def test_a_service_that_does_not_answer_is_told(
    run: Run, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    answer = run("evaluate", dataset, "--model", "rekognition")
    assert answer.status == 1
    assert answer.err.startswith("fototeca: Rekognition cannot be reached")


def test_no_library_is_needed_and_none_is_made(run: Run, dataset: Path, library: Path) -> None:
    assert run("evaluate", dataset).status == 0
    assert not library.exists()


def test_what_cannot_be_read_is_named(run: Run, dataset: Path, tmp_path: Path) -> None:
    (dataset / "Cat" / "broken.jpg").write_text("no picture")
    answer = run("evaluate", dataset)
    assert answer.status == 1
    assert "broken.jpg: not an image" in answer.err
    manifest = tmp_path / "set.csv"
    manifest.write_text("path,labels\nnowhere.jpg,Cat\n")
    answer = run("evaluate", manifest)
    assert (answer.status, answer.out) == (1, "")
    assert "none of 1 photos could be read: cannot be read: No such file" in answer.err
    assert run("evaluate", tmp_path / "nowhere").status == 1
    manifest.write_text("path;labels\nset/Cat/cat.jpg;Cat\n")
    answer = run("evaluate", manifest)
    assert (answer.status, "between commas" in answer.err) == (1, True)


def test_rows_of_one_path_are_one_photo(run: Run, dataset: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "set.csv"
    rows = ["cat.jpg,Cat", "cat.jpg,Pet", "cat.jpg,Cat"]
    rows = [f"set/Cat/{row}" for row in rows] + ["set/Mountain/aizkorri.jpg,Mountain"]
    manifest.write_text("\n".join(["path,labels", *rows]))
    answer = run("evaluate", manifest, "--complete", "--json").json
    assert answer["photos"] == 2
    counts = {each["label"]: (each["support"], each["negatives"]) for each in answer["labels"]}
    assert counts == dict.fromkeys(("Cat", "Mountain", "Pet"), (1, 1))


def test_an_answer_recorded_of_a_damaged_photo_counts(run: Run, tmp_path: Path) -> None:
    photo = tmp_path / "Sea" / "a.jpg"
    photo.parent.mkdir()
    Image.effect_noise((320, 240), 90).convert("RGB").save(photo)
    photo.write_bytes(photo.read_bytes()[:2000] + b"\xff\xc4\x00\x00" + bytes(500))
    kept = tmp_path / "answers.jsonl"
    kept.write_text(json.dumps({"path": "a.jpg", "answer": {"Labels": []}}))
    target = tmp_path / "page.html"
    answer = run("evaluate", tmp_path, "--model", f"recorded:{kept}", "--html", target)
    assert (answer.status, answer.err) == (0, "")
    assert "<img" not in target.read_text()


def test_hand_labelled_photos(run: Run, shared_data: Path) -> None:
    answer = run("evaluate", shared_data / "hand.csv", "--json")
    assert answer.status == 0
    by_label = {each["label"]: each for each in answer.json["labels"]}
    assert by_label["Mountain"]["support"] > 50
    # Far above the share of photos that have it, which is what guessing gives.
    assert by_label["Mountain"]["average_precision"] > 0.9


def test_cost_by_hand() -> None:
    prices = list_prices()
    gigabytes, photos = 100, 20_000
    usage = Usage(
        photos=photos,
        originals=gigabytes * GB,
        small=0,
        small_photos=0,
        renditions=4 * GB,
        catalog=GB,
    )
    cost = on_aws(usage, prices)
    fixed = 20 * 0.0025 + 4 * 0.023 + 0.25
    assert cost.monthly["opened within 30 days"] == pytest.approx(100 * 0.023 + fixed)
    assert cost.monthly["not opened for 90 days"] == pytest.approx(100 * 0.004 + fixed)
    assert cost.once["labelling by Rekognition"] == pytest.approx(20)
    assert cost.once["labelling by the bundled model"] < 20 / 100
    assert isinstance(cost.as_of, date)
    # Small photos are neither tiered nor monitored.
    small = Usage(photos, GB, GB, photos, 0, 0)
    assert list(on_aws(small, prices).monthly.values()) == pytest.approx([0.023] * 3)
    # The first million a month costs more each than what follows.
    many = Usage(2_000_000, 0, 0, 0, 0, 0)
    assert on_aws(many, prices).once["labelling by Rekognition"] == pytest.approx(1000 + 800)


@pytest.mark.usefixtures("filled")
def test_cost_of_a_library(run: Run) -> None:
    answer = run("cost", "--json").json
    assert answer["photos"] == 12
    assert answer["bytes"]["originals"] == sum(path.stat().st_size for path in samples.photos())
    assert answer["bytes"]["renditions"] > 0
    assert answer["bytes"]["catalog"] > 0
    assert answer["aws"]["region"] == "us-east-1"
    assert f"list prices of {answer['aws']['as_of']}" in run("cost").out
