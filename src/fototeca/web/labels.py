"""Labels with their counts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from fototeca.web.callers import InLibrary, TheCaller
from fototeca.web.problems import described
from fototeca.web.schemas import (
    LabelDocument,
    SelectionDocument,
    Text,
    TotalsDocument,
    selection_of,
    selection_query,
)

router = APIRouter(prefix="/api", tags=["labels"])
Selected = Annotated[SelectionDocument, Depends(selection_query)]


@router.get("/labels", responses=described(401))
def list_labels(
    caller: TheCaller,
    library: InLibrary,
    selection: Selected,
    q: Annotated[Text, Query(max_length=100, description="Part of a name or alias.")] = "",
    hidden: Annotated[bool, Query(description="Also those that the owner hides.")] = False,
    unused: Annotated[bool, Query(description="Also those on no selected photo.")] = False,
) -> list[LabelDocument]:
    """The labels on the selected photos, most frequent first."""
    vocabulary = library.vocabulary(caller.owner)
    counted = library.catalog.photos.labels(caller.owner, selection_of(selection, vocabulary.named))
    counts = {each.name: each.count for each in counted}
    if unused:
        counts = dict.fromkeys(vocabulary.names(), 0) | counts
        counts = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    documents = []
    for name, count in counts.items():
        label = vocabulary.label(name)
        if label.matches(q) and (hidden or not vocabulary.hides(name)):
            documents.append(
                LabelDocument(
                    name=name,
                    count=count,
                    parents=list(label.parents),
                    aliases=list(label.aliases),
                    category=label.category,
                    hidden=vocabulary.hides(name),
                )
            )
    return documents


@router.get("/totals", responses=described(401))
def get_totals(
    caller: TheCaller,
    library: InLibrary,
    selection: Selected,
    q: Annotated[Text, Query(max_length=200, description="Part of the photos' name.")] = "",
) -> TotalsDocument:
    """How many photos and bytes a bundle of the selection would hold."""
    chosen = selection_of(selection, library.vocabulary(caller.owner).named)
    totals = library.catalog.photos.totals(caller.owner, chosen, name=q)
    return TotalsDocument(photos=totals.photos, bytes=totals.bytes)
