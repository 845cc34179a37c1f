"""An owner's label settings: the slider, own thresholds, hidden labels, other names."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from fototeca.app import Library
from fototeca.label_settings import LabelSettings, LabelSettingsInvalid, Vocabulary
from fototeca.web.callers import InLibrary, TheCaller
from fototeca.web.problems import Problem, described
from fototeca.web.schemas import Document, LabelName

router = APIRouter(prefix="/api/label-settings", tags=["labels"])
MANY = 2000


class LabelSettingsDocument(Document):
    sureness: float = Field(
        default=0.0,
        ge=-1,
        le=1,
        description="-1: more labels; 1: fewer, surer. Moves every threshold without an own one.",
    )
    thresholds: dict[LabelName, Annotated[float, Field(ge=0, le=1)]] = Field(
        default={}, max_length=MANY, examples=[{"Dog": 0.8}]
    )
    hidden: list[LabelName] = Field(
        default=[],
        max_length=MANY,
        description="Not listed; still on their photos, and selectable by name.",
        examples=[["Clothing"]],
    )
    renames: dict[LabelName, LabelName] = Field(
        default={},
        max_length=MANY,
        description="What a label is called instead; two with one new name are merged.",
        examples=[{"Mountain": "Alps"}],
    )


class RecomputingDocument(BaseModel):
    done: int
    total: int


class LabelSettingsState(LabelSettingsDocument):
    recomputing: RecomputingDocument | None = Field(
        description="How far photos follow changed settings; null when all do."
    )


@router.get("", responses=described(401))
def get_label_settings(caller: TheCaller, library: InLibrary) -> LabelSettingsState:
    """The settings, and how far photos follow them."""
    settings = library.catalog.label_preferences.get(caller.owner)
    recomputing = library.catalog.label_preferences.recomputing(caller.owner)
    return LabelSettingsState(
        sureness=settings.sureness,
        thresholds=dict(settings.thresholds),
        hidden=sorted(settings.hidden),
        renames=dict(settings.renames),
        recomputing=RecomputingDocument(done=recomputing.done, total=recomputing.total)
        if recomputing
        else None,
    )


@router.put("", responses=described(401, 403))
def put_label_settings(
    wanted: LabelSettingsDocument, caller: TheCaller, library: InLibrary
) -> LabelSettingsState:
    """Replace the settings. Photos follow in the background, nothing is labelled again."""
    try:
        settings = _named(wanted, caller.owner, library)
    except LabelSettingsInvalid as error:
        raise Problem(422, str(error)) from error
    library.catalog.label_preferences.put(caller.owner, settings)
    library.work.recompute()
    return get_label_settings(caller, library)


def _named(wanted: LabelSettingsDocument, owner: str, library: Library) -> LabelSettings:
    """The settings with labels by their own names, by whatever name or alias they were meant.

    Raises LabelSettingsInvalid.
    """
    vocabulary = library.vocabulary(owner)
    settings = LabelSettings(sureness=wanted.sureness, renames=vocabulary.spelled(wanted.renames))
    named = Vocabulary(library.taxonomy, settings, vocabulary.used).named
    return replace(
        settings,
        thresholds={named(name): value for name, value in wanted.thresholds.items()},
        hidden=frozenset(map(named, wanted.hidden)),
    )
