"""The parameters of flows as the form of a deployment shows them: a title, what to write there, what is refused."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from nightwork.section import Plain
from nightwork.settings import RunOptions
from nightwork.spec_settings import SpecsOptions
from nightwork.track_settings import TrackOptions


def _shown(title: str, description: str, **more: Any) -> Any:
    """Return what the form says of a parameter; Prefect would call it by its name in the code."""
    return Field(json_schema_extra={"title": title, "description": description, **more})


_ID = r"^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$"

Repo = Annotated[
    str,
    Field(min_length=1, max_length=2000),
    _shown(
        "Repository",
        "A folder on the worker's machine, an address that git clone takes, or a Repository block: repository/NAME",
    ),
]
Project = Annotated[
    str,
    Field(min_length=1, max_length=2000),
    _shown("Project", "A folder on the worker's machine, or a Repository block of one: repository/NAME"),
]
BatchId = Annotated[
    Annotated[str, Field(pattern=_ID)] | None,
    AfterValidator(lambda text: text or None),
    Plain(),
    _shown(
        "Batch",
        "Its id, such as 2026-01-15-overnight; empty: a new one in overnight and intake, else the newest that waits"
        " for this stage",
    ),
]
KnownBatchId = Annotated[
    str, Field(min_length=1, pattern=_ID), _shown("Batch", "Id of the batch, such as 2026-01-15-overnight")
]
TicketId = Annotated[
    str, Field(min_length=1, pattern=_ID), _shown("Ticket", "Id of a ticket of that batch, such as APP-1")
]
Options = Annotated[
    RunOptions,
    _shown("Options", "What this run does differently from nightwork.yaml; what is empty stays as it is", default={}),
]
SpecOptions = Annotated[
    SpecsOptions,
    _shown("Options", "What this run does differently from nightwork.yaml; what is empty stays as it is", default={}),
]

Track = Annotated[
    str,
    Field(min_length=1, max_length=2000),
    _shown("Track", "A folder on the worker's machine with a track.yaml"),
]
Start = Annotated[int, Field(ge=1), _shown("First module", "Its number; counted from 1")]
End = Annotated[int, Field(ge=1), _shown("Last module", "Its number; it is worked on too")]
TrackChoices = Annotated[
    TrackOptions,
    _shown("Options", "What this run does differently from nightwork.yaml; what is empty stays as it is", default={}),
]
