"""The commands that show, prepare and check."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flows.commands import ALL_DONE, HERE, NOT_ALL_DONE, Json, Repo, Verbose, note, run_options, run_overnight, show


def demo(
    *,
    into: Annotated[Path | None, Parameter(help="an empty or new folder; by default a temporary one")] = None,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Run the whole pipeline on the bundled example: no key, no server needed."""
    from nightwork import example
    from nightwork.files import make_ignored

    shop = example.unpack("shop", into)
    note(f"example repository: {shop}")
    if "PREFECT_API_URL" not in os.environ:  # what is tried out does not stand among the real runs
        make_ignored(shop / ".nightwork")
        os.environ.setdefault("PREFECT_HOME", str(shop / ".nightwork" / "prefect"))
    document, _ = run_overnight(shop, None, run_options(), verbose, is_apart=True)
    differences = example.differences("shop", shop, document)
    show(document, json)
    for difference in differences:
        note(f"not as scripted: {difference}")
    note(f"Go on in {shop}, for example: cd {shop} && nightwork decide SHOP-1 approve")
    return NOT_ALL_DONE if differences else ALL_DONE


def init(*, repo: Repo = HERE) -> int:
    """Write a commented nightwork.yaml from what the repository holds, and a ticket template."""
    from nightwork import scaffold
    from nightwork.workspace import Repository

    for path in scaffold.write(Repository.open(repo).root):
        note(f"wrote {path}")
    note("next: write a ticket from the template, then `nightwork doctor`")
    return ALL_DONE


def doctor(*, repo: Repo = HERE, json: Json = False) -> int:
    """Check git, settings, tickets, agent, gates on the base and the Prefect server; spends nothing."""
    from flows import console
    from nightwork import doctor as checks

    found = [*checks.examine(repo), console.server_check()]
    if json:
        print(checks.as_json(found))
    else:
        console.show_checks(found)
    return NOT_ALL_DONE if any(check.status == "wrong" for check in found) else ALL_DONE


def clean(
    *,
    repo: Repo = HERE,
    keep_days: Annotated[int, Parameter(help="age in days below which trajectories and measurements stay")] = 30,
    dry_run: Annotated[bool, Parameter(negative="", help="say what would be removed, and remove nothing")] = False,
    json: Json = False,
) -> int:
    """Remove worktrees at rest, branches of rejected or merged work, old trajectories; nothing that is undecided."""
    from flows import console
    from nightwork import environment, settings
    from nightwork.lock import hold
    from nightwork.stages.clean import removals
    from nightwork.workspace import Repository

    repository = Repository.open(repo)
    chosen = settings.load(repository.root)
    base = repository.resolve(chosen.base)
    trunk = None if chosen.base == "HEAD" and repository.is_on_a_branch_of_ours() else base
    in_use = environment.folder_of(repository, chosen.environment, base, chosen.sandbox)
    with hold(repository.root, "clean"):
        found = removals(repository, trunk, keep_days, in_use=in_use)
        for removal in () if dry_run else found:
            removal.remove()
    console.show_removals(found, dry_run, json)
    return ALL_DONE
