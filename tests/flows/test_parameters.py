"""The forms of deployments: every field says what it is, is plain, and refuses before a run what cannot work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow
from prefect.utilities.callables import parameter_schema_from_entrypoint
from prefect.utilities.schema_tools import validate

from flows.answers import answers
from flows.decision import decision
from flows.drift import drift
from flows.gates import gates
from flows.generation import generation
from flows.intake import intake
from flows.module_specs import module_specs
from flows.overnight import overnight
from flows.review import review
from nightwork.errors import BadInput
from nightwork.settings import RunOptions
from nightwork.spec_settings import SpecsOptions

FLOWS = [answers, decision, drift, gates, generation, intake, module_specs, overnight, review]


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for place in (schema, *schema["definitions"].values()):
        yield from place["properties"].items()


def complaints(flow: Flow[..., Any], **parameters: object) -> list[str]:
    """Return what the server has against parameters, before it makes a run."""
    schema = flow.parameters.model_dump_for_openapi()
    return [error.message for error in validate(parameters, schema, ignore_required=True)]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_every_field_has_a_title_of_its_own_and_a_description(flow: Flow[..., Any]) -> None:
    for name, field in fields(flow.parameters.model_dump_for_openapi()):
        assert field["title"] != name, name
        assert field["description"], name
        assert "`" not in field["description"], "one of Prefect's two UIs shows the marks"


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_no_field_makes_a_person_choose_between_a_type_and_nothing(flow: Flow[..., Any]) -> None:
    schema = flow.parameters.model_dump_for_openapi()
    assert {name for name, field in fields(schema) if "anyOf" in field} <= {"message_batches"}
    assert all(field.get("default", "") is not None for name, field in fields(schema) if name != "message_batches")


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_the_form_is_the_same_when_it_is_made_from_the_source(flow: Flow[..., Any]) -> None:
    entrypoint = f"{flow.fn.__module__}.{flow.fn.__name__}"
    assert parameter_schema_from_entrypoint(entrypoint) == flow.parameters


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"repo": ".", "batch_id": "", "options": {}},
        {"options": {"agent": None, "max_tickets": None, "deadline": None}},
        {"options": {"agent": "", "budget_usd": 0.5, "deadline": "2026-01-16T06:00:00Z", "credentials": ""}},
        {"repo": "repository/shop", "batch_id": "2026-01-15-overnight-2"},
    ],
)
def test_what_a_form_sends_is_taken(parameters: dict[str, Any]) -> None:
    assert complaints(overnight, **parameters) == []
    overnight.validate_parameters({"repo": ".", **parameters})


@pytest.mark.parametrize(
    "parameters",
    [
        {"repo": ""},
        {"repo": 7},
        {"batch_id": "../../etc"},
        {"batch_id": "a b"},
        {"options": {"max_tickets": 0}},
        {"options": {"max_tickets": 1001}},
        {"options": {"parallel_agents": 2.5}},
        {"options": {"budget_usd": -1}},
        {"options": {"budget_usd": "much"}},
        {"options": {"deadline": "tomorrow"}},
        {"options": {"no_sandbox": "yes"}},
        {"options": {"agents": 3}},
        {"options": "all"},
    ],
)
def test_what_cannot_work_is_refused_before_a_run_begins(parameters: dict[str, Any]) -> None:
    assert len(complaints(overnight, **parameters)) == 1


def test_a_text_that_is_empty_was_left_out() -> None:
    assert RunOptions.model_validate({"agent": "", "tickets": "", "credentials": ""}) == RunOptions()
    assert SpecsOptions.model_validate({"model": ""}) == SpecsOptions()


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("flow", [overnight, module_specs, drift, review], ids=lambda flow: flow.name)
def test_a_run_that_cannot_begin_says_why_in_its_state_and_raises_for_who_calls_it(
    flow: Flow[..., Any], tmp_path: Path
) -> None:
    nowhere = str(tmp_path / "nowhere")
    state = flow(nowhere, return_state=True)
    assert (state.type.value, state.name) == ("FAILED", "Refused")
    assert str(state.message).startswith(f"{nowhere}: ")
    with pytest.raises(BadInput, match="nowhere"):
        flow(nowhere)
