"""The taxonomy: its rules, and the one that comes with the package."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from fototeca.label_settings import LabelRules, LabelSettings
from fototeca.labelling.taxonomy import BUNDLED, Taxonomy, TaxonomyError
from fototeca.photos import Correction, Label, without
from models import scene_head
from models.candidates import NOUNS, nouns

LISTED = dict(re.findall(r'"(n\d{8}) ([^"]+)"', BUNDLED.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def bundled() -> Taxonomy:
    return Taxonomy.load()


def rolled_up(
    taxonomy: Taxonomy, probabilities: ArrayLike, scenes: dict[str, float] | None = None
) -> dict[str, float]:
    """Confidence by label."""
    return {each.label: each.confidence for each in taxonomy.roll_up(probabilities, scenes)}


def seen(taxonomy: Taxonomy, **words: float) -> dict[str, float]:
    """The labels of a picture in which the model sees these classes, named by their words."""
    ids = {word: class_id for class_id, word in LISTED.items()}
    probabilities = np.zeros(len(taxonomy.classes))
    for word, probability in words.items():
        probabilities[taxonomy.classes.index(ids[word.replace("_", " ")])] = probability
    return {name: value for name, value in rolled_up(taxonomy, probabilities).items() if value > 0}


def test_the_classes_are_the_thousand_of_imagenet(bundled: Taxonomy) -> None:
    # The digest of the ids, one a line, in the order of the model's output.
    listed = "".join(f"{each}\n" for each in bundled.classes)
    digest = hashlib.sha256(listed.encode()).hexdigest()
    assert len(bundled.classes) == 1000
    assert (bundled.classes[0], bundled.classes[999]) == ("n01440764", "n15075141")
    assert digest == "70002b0ff5de60a3a17a82dbfcff291931f96225ddf941ad2e182fc39e183d15"


def test_each_class_is_named_as_wordnet_names_it() -> None:
    if not NOUNS.is_file():
        pytest.skip("WordNet is not installed")
    synsets = nouns()
    assert {each: synsets[each].words[0] for each in LISTED} == LISTED


def test_every_label_can_be_seen(bundled: Taxonomy) -> None:
    scenes, _ = scene_head.read()
    everything = rolled_up(bundled, np.full(1000, 1 / 1000), dict.fromkeys(scenes, 0.5))
    assert [name for name, confidence in everything.items() if confidence == 0] == []


def test_every_label_has_a_category_and_a_name_in_title_case(bundled: Taxonomy) -> None:
    small = {"of", "and"}
    for label in bundled.labels.values():
        assert label.category
        words = [word for text in (label.name, *label.aliases) for word in text.split()]
        assert all(word in small or not word[0].islower() for word in words), label


def test_labels_share_their_probability_with_what_they_are_kinds_of(bundled: Taxonomy) -> None:
    assert seen(bundled, golden_retriever=0.75) == {
        "Golden Retriever": 0.75,
        "Dog": 0.75,
        "Pet": 0.75,
        "Animal": 0.75,
    }
    assert seen(bundled, alp=0.5) == {"Mountain": 0.5, "Landscape": 0.5, "Nature": 0.5}
    assert {"Beach", "Coast", "Water"} <= seen(bundled, seashore=1).keys()


def test_scenes_and_classes_share_what_is_seen_with_what_they_are_kinds_of(
    bundled: Taxonomy,
) -> None:
    probabilities = np.zeros(1000)
    probabilities[bundled.classes.index("n09193705")] = 0.25  # alp
    rolled = rolled_up(bundled, probabilities, {"Mountain": 0.75, "Sea": 0.875, "Sky": 0.5})
    assert {name: value for name, value in rolled.items() if value > 0} == {
        "Mountain": 0.75,
        "Sea": 0.875,
        "Sky": 0.5,
        "Landscape": 0.875,
        "Water": 0.875,
        "Nature": 0.875,
    }
    # A scene that is not seen takes nothing from what the classes say.
    assert rolled_up(bundled, probabilities, {"Mountain": 0.0})["Landscape"] == 0.25


def test_a_scene_that_is_removed_leaves_the_others(bundled: Taxonomy) -> None:
    rolled = bundled.roll_up(np.zeros(1000), {"Clouds": 0.9, "Sky": 0.95, "Sea": 0.9, "Beach": 0.8})
    thresholds = {name: label.threshold for name, label in bundled.labels.items()}
    removed = Correction(removed=frozenset({"Clouds", "Beach"}))
    on = LabelRules(bundled, thresholds, LabelSettings()).labels_on(rolled, removed)
    assert {"Sky", "Sea", "Water", "Landscape", "Nature"} <= on
    assert on.isdisjoint({"Clouds", "Beach"})


def test_many_half_sure_breeds_are_one_sure_dog(bundled: Taxonomy) -> None:
    breeds = ("beagle", "pug", "collie", "kelpie", "vizsla")
    labels = seen(bundled, **dict.fromkeys(breeds, 0.19))
    assert labels["Dog"] == pytest.approx(0.95)
    assert labels["Beagle"] == pytest.approx(0.19)


def test_a_class_counts_once_however_many_ways_lead_up(bundled: Taxonomy) -> None:
    # Hen -> Chicken -> Bird and Farm Animal -> Animal.
    assert seen(bundled, hen=0.5)["Animal"] == 0.5


def test_found_by_name_or_alias_in_any_case(bundled: Taxonomy) -> None:
    for text in ("Sea", "ocean", "OCEAN", " Ocean "):
        assert (found := bundled.find(text)) is not None
        assert found.name == "Sea"
    assert bundled.find("Unheard Of") is None
    assert bundled.ancestors("Unheard Of") == bundled.descendants("Unheard Of") == frozenset()


def test_a_wrong_number_of_probabilities_is_an_error(bundled: Taxonomy) -> None:
    with pytest.raises(ValueError, match="1000 classes"):
        bundled.roll_up(np.zeros(999))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[Dog]\nparents = ["Animal"]', "unknown parent Animal"),
        ('[A]\nparents = ["B"]\n[B]\nparents = ["A"]', "a cycle: A -> B -> A"),
        ('[A]\nparents = ["A"]', "a cycle"),
        ('[Sea]\naliases = ["Ocean"]\n[Ocean]', "Ocean means both Sea and Ocean"),
        ("[Sea]\n[sea]", "sea means both"),
        ("[Sea]\nthreshold = 0", "threshold"),
        ("[Sea]\nthreshold = 1.5", "threshold"),
        ('[Sea]\nparent = "Water"', "known fields"),
        ("Sea = 1", "known fields"),
        ('dropped = ["n1 sea"]\n[Sea]\nclasses = ["n1 sea"]', "dropped"),
        ("[Sea", "taxonomy.toml"),
    ],
)
def test_a_contradiction_is_told_at_once(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "taxonomy.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TaxonomyError, match=re.escape(complaint)):
        Taxonomy.load(path)


@st.composite
def taxonomies(draw: st.DrawFn, shared: bool = True) -> tuple[Taxonomy, dict[str, set[str]]]:
    """A taxonomy without cycles, and the classes under each of its labels.

    `shared`: one class may be of several labels that are no kinds of each other.
    """
    names = [f"L{number}" for number in range(draw(st.integers(1, 8)))]
    ids = [f"n{number:08}" for number in range(draw(st.integers(1, 6)))]
    parents = {
        name: draw(st.sets(st.sampled_from(names[:index]))) if index else set()
        for index, name in enumerate(names)
    }
    own = {name: draw(st.sets(st.sampled_from(ids))) for name in names}
    if not shared:
        of = {each: name for name, group in own.items() for each in group}
        own = {name: {each for each in group if of[each] == name} for name, group in own.items()}
    dropped = [each for each in ids if not any(each in group for group in own.values())]
    labels = [Label(name, tuple(sorted(parents[name]))) for name in names]
    under = {name: set(own[name]) for name in names}
    for name in reversed(names):
        for parent in parents[name]:
            under[parent] |= under[name]
    return Taxonomy(labels, {name: sorted(group) for name, group in own.items()}, dropped), under


@given(taxonomies(), st.integers(0, 2**32))
def test_confidence_is_the_sum_over_the_classes_below(
    world: tuple[Taxonomy, dict[str, set[str]]], seed: int
) -> None:
    taxonomy, under = world
    values = np.random.default_rng(seed).dirichlet(np.ones(len(taxonomy.classes)))
    by_class = dict(zip(taxonomy.classes, values, strict=True))
    for name, confidence in rolled_up(taxonomy, values).items():
        assert confidence == pytest.approx(sum(by_class[each] for each in under[name]))
        assert 0 <= confidence <= 1


@given(taxonomies(), st.integers(0, 2**32))
def test_a_parent_is_as_sure_as_its_kinds_and_scenes(
    world: tuple[Taxonomy, dict[str, set[str]]], seed: int
) -> None:
    taxonomy, _ = world
    random = np.random.default_rng(seed)
    values = random.dirichlet(np.ones(len(taxonomy.classes)))
    scenes = {name: float(random.uniform()) for name in taxonomy.labels if random.uniform() < 0.5}
    alone, rolled = rolled_up(taxonomy, values), rolled_up(taxonomy, values, scenes)
    for name, confidence in rolled.items():
        below = [name, *taxonomy.descendants(name)]
        said = [alone[name], *(scenes[each] for each in below if each in scenes)]
        assert confidence == max(said)
        assert all(confidence >= rolled[each] - 1e-12 for each in below)


@given(taxonomies(shared=False), st.integers(0, 2**32))
def test_labels_left_out_are_as_if_the_model_had_not_seen_them(
    world: tuple[Taxonomy, dict[str, set[str]]], seed: int
) -> None:
    taxonomy, under = world
    random = np.random.default_rng(seed)
    values = random.dirichlet(np.ones(len(taxonomy.classes)))
    scenes = {name: float(random.uniform()) for name in taxonomy.labels if random.uniform() < 0.5}
    unseen = {name for name in taxonomy.labels if random.uniform() < 0.3}
    unseen |= {below for name in unseen for below in taxonomy.descendants(name)}
    void = {each for name in unseen for each in under[name]}
    left = [
        0.0 if each in void else value for each, value in zip(taxonomy.classes, values, strict=True)
    ]
    others = {name: each for name, each in scenes.items() if name not in unseen}
    expected = rolled_up(taxonomy, left, others)
    found = without(taxonomy.roll_up(values, scenes), unseen, taxonomy)
    assert found == pytest.approx({name: expected[name] for name in found})
    assert found.keys() == taxonomy.labels.keys() - unseen


@given(taxonomies())
def test_ancestors_and_descendants_are_each_others_mirror(
    world: tuple[Taxonomy, dict[str, set[str]]],
) -> None:
    taxonomy, _ = world
    for name, label in taxonomy.labels.items():
        assert name not in taxonomy.ancestors(name)
        assert set(label.parents) <= taxonomy.ancestors(name)
        for other in taxonomy.labels:
            assert (other in taxonomy.ancestors(name)) == (name in taxonomy.descendants(other))
