"""Who is asked in the Prefect UI: one run of the deployment `decision` for each thing to decide, none for the rest."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound
from prefect.states import Scheduled

from flows.wiring.effort import best_effort
from flows.wiring.states import decided_before, superseded
from nightwork.batch import Batch
from nightwork.markdown import one_line
from nightwork.stages.subject import Subject, subjects

DEPLOYMENT = "decision/decision"
RESUMING = "Resuming"
_PAGE = 200
# A run has a process for some seconds until it is suspended: a whole batch at once would be late, and slow for all.
_APART = timedelta(seconds=2)
_NOT_ASKED = "decisions are not asked for in the Prefect UI"

logger = logging.getLogger("nightwork.asking")


def ask_people(repo: str, batch: Batch) -> None:
    """Start a run for each thing of a batch that is to be decided and has none, and end those that ask in vain.

    Nothing happens on a server without the deployment, and nothing here can end the work that it tells of.
    """
    with best_effort(logger, _NOT_ASKED), get_client(sync_client=True) as client:
        deployment = _deployment(client)
        if deployment is not None:
            runs, wanted = _runs(client, deployment, batch), subjects(batch)
            _close(client, runs, wanted)
            now = datetime.now(UTC)
            for number, subject in enumerate(each for each in wanted if each.taken is None):
                _ask(client, deployment, repo, subject, runs, now + number * _APART)


def close_decided(batch: Batch) -> None:
    """End the runs that ask for what is decided, so that nobody is reminded or asked; best effort."""
    with best_effort(logger, _NOT_ASKED), get_client(sync_client=True) as client:
        deployment = _deployment(client)
        if deployment is not None:
            _close(client, _runs(client, deployment, batch), subjects(batch))


def _deployment(client: SyncPrefectClient) -> DeploymentResponse | None:
    try:
        return client.read_deployment_by_name(DEPLOYMENT)
    except ObjectNotFound:
        return None


def _runs(client: SyncPrefectClient, deployment: DeploymentResponse, batch: Batch) -> list[FlowRun]:
    """Return the runs that were ever started for a batch; other batches of the same name are told by their keys."""
    chosen = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]), tags=FlowRunFilterTags(all_=[_tag(batch)])
    )
    found: list[FlowRun] = []
    while True:
        page = client.read_flow_runs(flow_run_filter=chosen, limit=_PAGE, offset=len(found))
        found += page
        if len(page) < _PAGE:
            return [run for run in found if (run.idempotency_key or "").startswith(_key_of(batch))]


def _ask(
    client: SyncPrefectClient,
    deployment: DeploymentResponse,
    repo: str,
    subject: Subject,
    runs: Iterable[FlowRun],
    at: datetime,
) -> None:
    """Start the run of a subject unless one asks, or was ended by a person; one that broke is replaced."""
    before = [run for run in runs if _is_about(run, subject)]
    if any(not run.state or not run.state.is_final() or run.state.is_cancelled() for run in before):
        return
    batch = subject.batch
    where = _named(repo, batch)
    client.create_flow_run_from_deployment(
        deployment.id,
        state=Scheduled(scheduled_time=at),
        parameters={"repo": where, "batch_id": batch.id, "ticket": subject.ticket},
        name=f"{subject.ticket} {subject.kind} · {_called(where)} {batch.id}",
        tags=["nightwork", _tag(batch), f"ticket:{subject.ticket}", f"remind-{subject.urgency}"],
        idempotency_key=f"{_key(subject)} {len(before) + 1}",
    )


def _close(client: SyncPrefectClient, runs: Iterable[FlowRun], wanted: Iterable[Subject]) -> None:
    """End the runs that wait for a person about what is decided, or is no longer asked.

    One that a person has just resumed is left alone: it finds out for itself.
    """
    known = list(wanted)
    for run in runs:
        if run.state is None or run.state_type not in {StateType.PAUSED, StateType.SCHEDULED}:
            continue
        subject = next((each for each in known if _is_about(run, each)), None)
        if run.state.name == RESUMING or (subject and subject.taken is None):
            continue
        client.set_flow_run_state(run.id, decided_before(subject.taken) if subject and subject.taken else superseded())


def _is_about(run: FlowRun, subject: Subject) -> bool:
    return (run.idempotency_key or "").rpartition(" ")[0] == _key(subject)


def _key(subject: Subject) -> str:
    return f"{_key_of(subject.batch)}{subject.ticket} {subject.key}"


def _key_of(batch: Batch) -> str:
    """Return what tells a batch from others of the same name, on whichever machine its folder is."""
    manifest = batch.manifest()
    return f"nightwork {batch.id} {manifest.created_at.isoformat()} {manifest.base} "


def _tag(batch: Batch) -> str:
    return f"batch:{batch.id}"


def _named(repo: str, batch: Batch) -> str:
    """Return a repository as any process finds it: a worker stands in another folder."""
    return str(batch.repository) if Path(repo).is_dir() else repo


def _called(where: str) -> str:
    """Return the last part of where a repository is: batches of two repositories often have the same name."""
    return one_line(re.split("[/:]", where.rstrip("/"))[-1].removesuffix(".git"))
