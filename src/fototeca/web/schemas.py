"""What the API sends and takes, as its documents describe it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from fototeca.catalog.protocol.bundles import Bundle
from fototeca.catalog.protocol.imports import Import
from fototeca.catalog.protocol.notices import Notice
from fototeca.catalog.protocol.photos import Corrected, PhotoLabels
from fototeca.labelling.taxonomy import LONGEST, new_name
from fototeca.photos import Detection, Photo, Selection, now

EXAMPLE_ID = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

PhotoId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of the photo's bytes, in hex."""
Ids = Annotated[list[PhotoId], Field(min_length=1, max_length=10_000, examples=[[EXAMPLE_ID]])]


def _storable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("not Unicode text") from error
    return text


Text = Annotated[str, AfterValidator(_storable)]
LabelName = Annotated[
    Text,
    AfterValidator(new_name),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST,
            "pattern": r"^[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$",
        }
    ),
]
LabelNames = Annotated[list[LabelName], Field(max_length=100, examples=[["Mountain", "Lake"]])]


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PhotoDocument(BaseModel):
    """One image, without its labels."""

    id: str = Field(examples=[EXAMPLE_ID])
    name: str = Field(examples=["IMG_0412.jpg"])
    size: int = Field(description="Bytes.")
    media_type: str = Field(examples=["image/jpeg"])
    width: int = Field(description="Pixels, upright.")
    height: int
    taken_at: datetime | None = Field(description="By the camera's clock, if it wrote one.")
    uploaded_at: datetime
    state: Literal["waiting", "labelled", "failed"]
    failure: str | None
    trashed_at: datetime | None

    @classmethod
    def of(cls, photo: Photo) -> PhotoDocument:
        return cls(**_photo_members(photo))


def _photo_members(photo: Photo) -> dict[str, Any]:
    width, height = photo.probe.upright_size
    return {
        "id": photo.id,
        "name": photo.name,
        "size": photo.size,
        "media_type": photo.probe.media_type,
        "width": width,
        "height": height,
        "taken_at": photo.probe.exif.taken_at,
        "uploaded_at": photo.uploaded_at,
        "state": photo.state.value,
        "failure": photo.failure,
        "trashed_at": photo.trashed_at,
    }


class ExifDocument(BaseModel):
    taken_at: datetime | None
    camera_make: str | None
    camera_model: str | None
    lens: str | None
    exposure_time: float | None = Field(description="Seconds.")
    f_number: float | None
    iso: int | None
    focal_length: float | None = Field(description="Millimetres.")
    latitude: float | None = Field(description="Degrees, WGS 84, south negative.")
    longitude: float | None
    altitude: float | None = Field(description="Metres.")


class DetectionDocument(BaseModel):
    label: str
    confidence: float = Field(ge=0, le=1)
    source: str = Field(examples=["efficientnet-lite0@1"])


class CorrectionDocument(BaseModel):
    added: list[str]
    removed: list[str]


class PhotoDetails(PhotoDocument):
    """One image and everything known of it."""

    labels: list[str] = Field(description="The labels that are on it.")
    detections: list[DetectionDocument] = Field(description="All, also those under a threshold.")
    correction: CorrectionDocument
    exif: ExifDocument

    @classmethod
    def with_labels(
        cls, photo: Photo, labels: PhotoLabels, called: Callable[[str], str]
    ) -> PhotoDetails:
        """`called(name)`: what the owner calls a label that a model knows by this name."""
        surest: dict[str, Detection] = {}
        for each in labels.detections:
            surest.setdefault(called(each.label), each)
        return cls(
            **_photo_members(photo),
            labels=list(labels.on),
            detections=[
                DetectionDocument(label=name, confidence=each.confidence, source=each.source)
                for name, each in surest.items()
            ],
            correction=CorrectionDocument(
                added=sorted(set(map(called, labels.correction.added))),
                removed=sorted(set(map(called, labels.correction.removed))),
            ),
            exif=ExifDocument(**asdict(photo.probe.exif)),
        )


class PhotoPage(BaseModel):
    photos: list[PhotoDocument]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page.")
    total: int = Field(description="Photos in the whole selection.")


class DayDocument(BaseModel):
    day: date = Field(description="By the clock where the photos were taken.")
    photos: int = Field(examples=[32])


class LayoutDocument(BaseModel):
    """How the photos of a selection follow each other, newest first."""

    page: int = Field(description="Photos from one cursor to the next.", examples=[100])
    days: list[DayDocument]
    ratios: list[int] = Field(
        description="Of each photo: width / height, upright, in hundredths.", examples=[[150, 67]]
    )
    cursors: list[str] = Field(description="Where each page after the first begins.")


class LabelDocument(BaseModel):
    name: str = Field(examples=["Mountain"])
    count: int = Field(examples=[32])
    parents: list[str] = Field(examples=[["Landscape"]])
    aliases: list[str]
    category: str | None
    hidden: bool = Field(description="That the owner hides it: listed only when asked for.")


class TotalsDocument(BaseModel):
    photos: int = Field(examples=[32])
    bytes: int = Field(description="Of the originals.", examples=[214_000_000])


class SelectionDocument(Document):
    """Photos with at least one label of `any`, every one of `all`, and none of `none`."""

    any: LabelNames = []
    all: LabelNames = []
    none: LabelNames = []


class LabelChange(Document):
    add: LabelNames = []
    remove: LabelNames = []
    clear: LabelNames = Field(
        default=[], description="Take back what was said of these: the model decides again."
    )


class ManyLabelChange(LabelChange):
    ids: Ids


class Changed(BaseModel):
    photos: int = Field(description="How many photos it concerned.", examples=[3])


class UndoDocument(BaseModel):
    """A correction of some photos that restores what was said of them before."""

    ids: list[str] = Field(examples=[[EXAMPLE_ID]])
    add: list[str]
    remove: list[str]
    clear: list[str]


class CorrectedDocument(Changed):
    undo: list[UndoDocument] = Field(
        description="To be sent one by one, as they are. Photos of which the same had been said"
        " before are in none."
    )

    @classmethod
    def of(cls, corrected: Corrected) -> CorrectedDocument:
        return cls(
            photos=corrected.photos,
            undo=[
                UndoDocument(
                    ids=sorted(ids),
                    add=sorted(change.add),
                    remove=sorted(change.remove),
                    clear=sorted(change.clear),
                )
                for change, ids in corrected.undo.items()
            ],
        )


class ManyIds(Document):
    ids: Ids


class SomeIds(Document):
    ids: Ids | None = Field(default=None, description="All, when left out.")


class BundleDocument(BaseModel):
    id: str
    state: Literal["preparing", "restoring", "ready", "failed", "expired"]
    selection: SelectionDocument
    q: str = Field(description="Part of the name, by which the selection was narrowed.")
    left_out: int = Field(description="Photos that the selection was asked for without.")
    photos: int
    bytes: int
    prepared: int
    skipped: int
    parts: int = Field(description="That the archive is built in, where it is built; else 0.")
    built: int = Field(description="Of these parts, those that are there.")
    failure: str | None
    archive_size: int | None
    created_at: datetime
    expires_at: datetime
    url: str = Field(
        description="The archive, once ready.",
        examples=["/api/bundles/5f0c1d2e/archive"],
    )

    @classmethod
    def of(cls, bundle: Bundle) -> BundleDocument:
        return cls(
            id=bundle.id,
            # Past its time it is so at once, whenever it is tidied away.
            state="expired" if bundle.expires_at <= now() else bundle.state.value,
            selection=SelectionDocument(
                any=sorted(bundle.selection.any),
                all=sorted(bundle.selection.all),
                none=sorted(bundle.selection.none),
            ),
            q=bundle.name,
            left_out=bundle.left_out,
            photos=bundle.photos,
            bytes=bundle.bytes,
            prepared=bundle.prepared,
            skipped=bundle.skipped,
            parts=bundle.parts,
            built=bundle.built,
            failure=bundle.failure,
            archive_size=bundle.archive_size,
            created_at=bundle.created_at,
            expires_at=bundle.expires_at,
            url=f"/api/bundles/{bundle.id}/archive",
        )


class SkippedDocument(BaseModel):
    id: str
    name: str
    reason: str


class BundleDetails(BundleDocument):
    skipped_photos: list[SkippedDocument] = []


class RefusalDocument(BaseModel):
    name: str
    reason: str


class ImportDocument(BaseModel):
    id: str
    source: str = Field(examples=["/photos/2024"])
    state: Literal["running", "finished", "failed"]
    started_at: datetime
    finished_at: datetime | None
    found: int
    added: int
    restored: int = Field(description="From the trash.")
    duplicate: int
    refused: int
    failure: str | None
    refusals: list[RefusalDocument] = Field(description="The first hundred.")

    @classmethod
    def of(cls, progress: Import) -> ImportDocument:
        members = asdict(progress)
        del members["owner"]
        return cls(**members)


class NoticeDocument(BaseModel):
    id: int
    kind: str = Field(examples=["bundle-ready"])
    subject: str
    text: str
    at: datetime
    read: bool

    @classmethod
    def of(cls, notice: Notice) -> NoticeDocument:
        return cls(**asdict(notice))


def selection_query(
    any: Annotated[LabelNames, Query()] = [],  # noqa: B006 - FastAPI copies it
    all: Annotated[LabelNames, Query()] = [],  # noqa: B006
    none: Annotated[LabelNames, Query()] = [],  # noqa: B006
) -> SelectionDocument:
    """The same in an address: `?any=Lake&any=Sea&none=Dog`."""
    return SelectionDocument(any=any, all=all, none=none)


def selection_of(document: SelectionDocument, names: Callable[[str], str]) -> Selection:
    """The selection by labels' own names; `names(text)` resolves aliases."""
    return Selection(
        any=frozenset(map(names, document.any)),
        all=frozenset(map(names, document.all)),
        none=frozenset(map(names, document.none)),
    )
