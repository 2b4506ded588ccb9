"""Times the conflicts of 50 branches on a repository of 5,000 files; the best of three processes.

Each branch is one commit that changes 1 to 8 files; a third of them also edits files that others edit, some add, rename
or delete files. Timed is what the stage does once it has read the changes: choose the pairs, and merge them in memory.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path

from bench.figures import Figure, main
from nightwork.change import Change
from nightwork.together import unproven_pairs
from nightwork.workspace import Repository

BRANCHES, FILES, HOT = 50, 5_000, 20
ROUNDS = 3
BAR_S = 0.5
TITLE = f"Conflicts: {BRANCHES} branches on {FILES:,} files"
_TIMED = "--timed"


def measure() -> list[Figure]:
    """Return the best of three processes."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_repository(root)
        (root / "changes.json").write_text(json.dumps([change.model_dump(mode="json") for change in changes_of(root)]))
        command = [sys.executable, "-m", "bench.conflicts", _TIMED, str(root)]
        runs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(ROUNDS)]
    best = min(map(json.loads, runs), key=lambda told: float(told["seconds"]))
    merged = f"{best['merged']} of {best['pairs']} pairs merged, {best['conflicts']} conflicts, best of {ROUNDS}"
    return [Figure("conflicts of all pairs", best["seconds"], "s", BAR_S, merged)]


def timed(root: Path) -> None:
    """Print what one process needs, as JSON."""
    records = json.loads((root / "changes.json").read_text())
    changes = [Change.model_validate(record) for record in records]
    base = changes[0].origin
    started = time.perf_counter()
    pairs = [(one.commit, other.commit) for one, other in unproven_pairs(changes)]
    pairs += [(base, change.commit) for change in changes if change.parent != base]
    merges = Repository(root).merge_all(pairs)
    seconds = time.perf_counter() - started
    told = {
        "branches": len(changes),
        "files": FILES,
        "pairs": len(list(combinations(changes, 2))) + len(changes),
        "merged": len(merges),
        "conflicts": sum(not merge.is_clean for merge in merges),
        "seconds": round(seconds, 3),
    }
    print(json.dumps(told))


def make_repository(root: Path) -> None:
    """Write the base and all branches in one go, the same every time."""
    chance = random.Random(2024)
    files = {f"src/{n % 25:02}/{n // 25 % 20:02}/file{n:04}.py": lines(chance, n) for n in range(FILES)}
    paths = list(files)
    hot = chance.sample(paths, HOT)
    stream = ["commit refs/heads/main\ncommitter u <u@x> 1700000000 +0000\ndata 5\nstart\n"]
    stream += [written(path, text) for path, text in files.items()]
    for number in range(BRANCHES):
        stream.append(f"commit refs/heads/b{number}\ncommitter u <u@x> {1700000001 + number} +0000\ndata 4\nwork\n")
        stream.append("from refs/heads/main\n")
        touched = chance.sample(paths, chance.randint(1, 8))
        if number % 3 == 0:
            touched[: chance.randint(1, 3)] = chance.sample(hot, 3)
        for path in dict.fromkeys(touched):
            stream.append(written(path, edited(chance, files[path])))
        if number % 4 == 0:
            stream.append(written(f"src/{number % 25:02}/new{number}.py", lines(chance, number)))
        if number % 10 == 5:
            old = chance.choice(paths)
            stream.append(f"R {old} {old.replace('file', 'moved')}\n" if number % 20 == 5 else f"D {old}\n")
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(root)], check=True)
    subprocess.run(["git", "fast-import", "--quiet"], cwd=root, input="".join(stream).encode(), check=True)


def lines(chance: random.Random, number: int) -> list[str]:
    return [f"value_{number}_{line} = {chance.randrange(10**6)}\n" for line in range(chance.randint(30, 200))]


def edited(chance: random.Random, text: list[str]) -> list[str]:
    start = chance.randrange(len(text))
    return [*text[:start], f"changed = {chance.randrange(10**6)}\n", *text[start + chance.randint(0, 3) :]]


def written(path: str, text: list[str]) -> str:
    content = "".join(text)
    return f"M 100644 inline {path}\ndata {len(content)}\n{content}\n"


def changes_of(root: Path) -> list[Change]:
    repository = Repository(root)
    base = repository.resolve("main")
    return [change_of(repository, base, f"b{number}") for number in range(BRANCHES)]


def change_of(repository: Repository, base: str, name: str) -> Change:
    commit = repository.resolve(name)
    return Change(
        ticket=name,
        attempt=1,
        title=name,
        branch=name,
        parent=base,
        origin=base,
        commit=commit,
        tree=repository.tree(commit),
        files=tuple(repository.changes(base, commit)),
    )


if __name__ == "__main__":
    if sys.argv[1:2] == [_TIMED]:
        timed(Path(sys.argv[2]))
    else:
        main(TITLE, measure)
