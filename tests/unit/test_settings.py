from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nightwork.duration import format_duration, parse_duration
from nightwork.errors import BadInput
from nightwork.settings import BatchSettings, RunOptions, Settings, load


def repository(tmp_path, text=None):
    if text is not None:
        (tmp_path / "nightwork.yaml").write_text(text)
    return tmp_path


def faults(tmp_path, text="", flags=None, environment=None):
    with pytest.raises(BadInput) as caught:
        load(repository(tmp_path, text), flags, environment or {})
    return [(fault.where, fault.problem) for fault in caught.value.faults]


@pytest.mark.parametrize("text", [None, "", "# nothing yet\n", "{}"])
def test_without_a_word_the_defaults_hold(tmp_path, text):
    assert load(repository(tmp_path, text), environment={}) == Settings()


@pytest.mark.parametrize(
    ("text", "environment", "flags", "expected"),
    [
        ("", {}, {}, 3),
        ("batch: {parallel_agents: 4}", {}, {}, 4),
        ("batch: {parallel_agents: 4}", {"NIGHTWORK_BATCH__PARALLEL_AGENTS": "5"}, {}, 5),
        ("batch: {parallel_agents: 4}", {"NIGHTWORK_BATCH__PARALLEL_AGENTS": "5"}, {"batch.parallel_agents": 6}, 6),
        ("batch: {parallel_agents: 4}", {}, {"batch.parallel_agents": 6}, 6),
        ("batch: {parallel_agents: 4}", {"NIGHTWORK_BATCH__PARALLEL_AGENTS": "5"}, {"batch.parallel_agents": None}, 5),
        ("", {"NIGHTWORK_BATCH": "{parallel_agents: 7}"}, {}, 7),
        ("", {"HOME": "/x", "OTHER_NIGHTWORK_X": "1"}, {}, 3),
    ],
)
def test_flags_go_before_the_environment_and_that_before_the_file(tmp_path, text, environment, flags, expected):
    assert load(repository(tmp_path, text), flags, environment).batch.parallel_agents == expected


def test_what_one_layer_does_not_set_stays_as_the_layer_below_has_it(tmp_path):
    text = "batch: {max_tickets: 5, timeout_per_ticket: 1h}"
    found = load(repository(tmp_path, text), {"batch.budget_usd": 0}, {"NIGHTWORK_BATCH__MAX_TICKETS": "6"})
    assert found.batch == BatchSettings(max_tickets=6, timeout_per_ticket=timedelta(hours=1), budget_usd=0)


def test_unknown_keys_are_refused_all_at_once_with_their_lines(tmp_path):
    text = "tickts: x\nbatch:\n  paralel: 3\n  max_tickets: 0\ngates:\n  - name: a b\n    measures: taste\n    command: [x]\n"  # noqa: E501
    assert [where for where, _ in sorted(faults(tmp_path, text))] == [f"nightwork.yaml:{n}" for n in (1, 3, 4, 6, 7)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NIGHTWORK_BATCH__PARALLEL_AGENTS", "many"),
        ("NIGHTWORK_BATCH__PARALLEL_AGENTS", "0"),
        ("NIGHTWORK_BATCH__PARALEL_AGENTS", "3"),
        ("NIGHTWORK_PARALLEL_AGENTS", "3"),
        ("NIGHTWORK_", "3"),
        ("NIGHTWORK_BATCH__", "3"),
        ("NIGHTWORK_BATCH", "3"),
        ("NIGHTWORK_TICKETS", ""),
        ("NIGHTWORK_AGENT__KIND", "robot"),
        ("NIGHTWORK_BATCH__DEADLINE", "2026-01-01T00:00:00"),
        ("NIGHTWORK_GATES", "[{name: x}]"),
    ],
)
@pytest.mark.parametrize("text", ["", "tickets: x\nbatch:\n  parallel_agents: 2\n"], ids=["bare", "with file"])
def test_a_bad_or_unknown_variable_is_refused_by_its_name(tmp_path, text, name, value):
    assert {where for where, _ in faults(tmp_path, text, environment={name: value})} == {name}


def test_a_variable_that_is_no_yaml_is_refused_by_its_name(tmp_path):
    ((where, problem),) = faults(tmp_path, environment={"NIGHTWORK_TICKETS": "[a"})
    assert where.startswith("NIGHTWORK_TICKETS")
    assert "not valid YAML" in problem


def test_a_fault_inside_a_section_from_a_variable_names_the_variable_and_not_the_file(tmp_path):
    text = "batch:\n  parallel_agents: 2\n"
    ((where, _),) = faults(tmp_path, text, environment={"NIGHTWORK_BATCH": "{parallel_agents: 0}"})
    assert where == "NIGHTWORK_BATCH"


def test_faults_of_several_variables_come_at_once(tmp_path):
    environment = {"NIGHTWORK_TICKETS": "[a", "NIGHTWORK_BASE": "[b"}
    wheres = {where.partition(":")[0] for where, _ in faults(tmp_path, environment=environment)}
    assert wheres == {"NIGHTWORK_TICKETS", "NIGHTWORK_BASE"}


def test_a_bad_flag_is_refused_by_its_name(tmp_path):
    ((where, _),) = faults(tmp_path, "batch: {max_tickets: 4}", {"batch.max_tickets": 0})
    assert where == "batch.max_tickets"


@pytest.mark.parametrize("text", ["[1]", "text", "3"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text):
    assert "expected a mapping" in faults(tmp_path, text)[0][1]


def test_a_section_left_empty_means_its_defaults_or_is_refused_by_line(tmp_path):
    ((where, _),) = faults(tmp_path, "tickets: x\nbatch:\n")
    assert where == "nightwork.yaml:2"


def test_options_that_are_not_given_are_no_flags():
    assert RunOptions().flags() == {}
    assert RunOptions(tickets="t", max_tickets=2, budget_usd=0).flags() == {
        "tickets": "t",
        "batch.max_tickets": 2,
        "batch.budget_usd": 0.0,
    }


@given(st.integers(1, 10**7).map(lambda seconds: timedelta(seconds=seconds)))
def test_a_duration_survives_writing_and_reading(duration):
    assert parse_duration(format_duration(duration)) == duration
    batch = BatchSettings(timeout_per_ticket=duration)
    assert BatchSettings.model_validate_json(batch.model_dump_json()) == batch


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("1h1m1s", 3661), ("48h", 172800), ("0s", 0)]
)
def test_a_duration_reads_as_the_contract_writes_it(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "30",
        30,
        "m",
        "30 m",
        "-5m",
        "1.5h",
        "5m1h",
        "0s",
        "0h0m",
        None,
        "30M",
        [],
        pytest.param("999999999999h"),
    ],
)
def test_what_is_no_duration_is_refused_at_its_line(tmp_path, value):
    data = f"batch:\n  timeout_per_ticket: {value!r}\n".replace("None", "null")
    ((where, problem),) = faults(tmp_path, data)
    assert where == "nightwork.yaml:2"
    assert "duration" in problem


@pytest.mark.parametrize("text", ["", "batch: {parallel_agents: 4, timeout_per_ticket: 1h30m}\nbase: main\n"])
def test_what_is_printed_reads_back_as_the_same_settings(tmp_path, text):
    settings = load(repository(tmp_path, text), environment={})
    assert load(repository(tmp_path, settings.printable()), environment={}) == settings


def test_a_variable_inside_a_plain_value_is_refused_by_its_name(tmp_path):
    ((where, _),) = faults(tmp_path, environment={"NIGHTWORK_TICKETS__X": "3"})
    assert where == "NIGHTWORK_TICKETS__X"


def test_a_least_coverage_needs_a_file_that_tells_it(tmp_path):
    text = "gates:\n  - {name: t, measures: tests, command: [x], min_coverage: 80}\n"
    ((where, problem),) = faults(tmp_path, text)
    assert where == "nightwork.yaml:2"
    assert "coverage_path" in problem


@pytest.mark.parametrize(
    ("name", "kind", "preset", "model"),
    [("claude-code", "command", "claude-code", ""), ("claude-opus-5-5", "model", None, "claude-opus-5-5")],
)
@pytest.mark.parametrize("written", ["{}", "{kind: command, command: [x]}", "{preset: codex}", "{models: {C0: y}}"])
def test_an_agent_chosen_by_name_takes_the_place_of_any_other(tmp_path, written, name, kind, preset, model):
    (tmp_path / "nightwork.yaml").write_text(f"agent: {written}\n")
    agent = load(tmp_path, RunOptions(agent=name).flags(), {}).agent
    assert (agent.kind, agent.preset, agent.model, agent.command, agent.models) == (kind, preset, model, (), {})


@pytest.mark.parametrize("told", [-1.0, float("inf"), float("nan"), 1e300])
@pytest.mark.parametrize("name", ["budget_usd", "budget_per_ticket_usd"])
def test_a_budget_that_is_no_amount_of_money_is_refused(name, told):
    for model in (BatchSettings, RunOptions):
        with pytest.raises(ValidationError):
            model(**{name: told})


def test_the_database_s_password_is_taken_from_the_environment_and_stands_in_no_settings(tmp_path):
    told = {"NIGHTWORK_DATABASE": "postgresql://ann:in-the-environment@db/night"}
    settings = load(repository(tmp_path, "database: postgresql://db/other"), environment=told)
    assert settings.database == "postgresql://ann@db/night"
    assert "in-the-environment" not in settings.printable() + settings.model_dump_json() + repr(settings)


def test_an_empty_database_in_the_environment_goes_before_the_file(tmp_path):
    text = "database: postgresql://db/other"
    assert load(repository(tmp_path, text), environment={"NIGHTWORK_DATABASE": ""}).database == ""


@pytest.mark.parametrize(
    "url", ["postgresql://ann:in-the-file@db/night", "sqlite:in-the-file", "{password: in-the-file}"]
)
def test_a_password_in_the_file_is_refused_and_not_shown(tmp_path, url):
    ((where, problem),) = faults(tmp_path, f"tickets: t\ndatabase: {url}\n")
    assert where == "nightwork.yaml:2: database"
    assert "in-the-file" not in problem
