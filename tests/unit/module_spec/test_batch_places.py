"""Where a run writes: nowhere else than in plain folders of its own, on whatever disk, and never beside another run."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from spec_projects import MODULES, SHOP, chain, snapshot, spec_bytes, write

from nightwork.errors import BadInput
from nightwork.module_spec.batch import CHECKPOINT, run_batch
from nightwork.spec_settings import SpecsOptions

HOLDS = """
import sys
from nightwork.module_spec.batch import open_batch
from nightwork.spec_settings import SpecsOptions
with open_batch(sys.argv[1], SpecsOptions()):
    print("held", flush=True)
    sys.stdin.read()
"""
ON_A_SMALL_DISK = """
import json, subprocess, sys
from pathlib import Path
from nightwork.module_spec.batch import run_batch
from nightwork.spec_settings import SpecsOptions
root, how, model = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
small = root / {"full": "specs", "read-only": "specs/shop"}[how]  # what is locked cannot be made read-only
small.mkdir(parents=True)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], check=True)

def fill(pages):
    (small / "spare").write_bytes(bytes(4096 * pages))
    with (small / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass
    (small / "spare").unlink()

def strike(event=None):
    if event and event.number < 3 or (small / "filler").exists():
        return
    if how == "full":
        fill(0 if event else 7)
    else:
        (small / "filler").touch()
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)

def told():
    try:
        return run_batch(root, on_progress=strike, options=SpecsOptions(model=model, parallel=1))
    except Exception as error:
        return error

if model == "none":  # everything is written before the first event
    strike()
first, again = told(), told()
subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
leftovers = [path.name for path in (root / "specs").rglob("*.tmp")]
(small / "filler").unlink()
resumed = run_batch(root, options=SpecsOptions(model=model))
specs = {str(path.relative_to(root / "specs")): path.read_text() for path in (root / "specs").rglob("*.spec.md")}
print(json.dumps({"first": first.model_dump(mode="json"), "again": str(again), "leftovers": leftovers,
    "resumed": resumed.model_dump(mode="json"), "specs": specs}))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "shop", SHOP)


def on_a_small_disk(root: Path, how: str, model: str) -> dict[str, object]:
    own_mounts = ["unshare", "--mount", *(["--user", "--map-root-user"] if os.geteuid() else [])]
    if subprocess.run([*own_mounts, "true"], check=False, capture_output=True).returncode:
        pytest.skip("nobody here may mount a small disk: `unshare --mount` is refused")
    command = [*own_mounts, sys.executable, "-c", ON_A_SMALL_DISK, str(root), how, model]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    return told


def say_of(unit: str) -> dict[str, list[list[dict[str, object]]]]:
    return {"spec": [[{"submit_spec": {"purpose": f"Purpose of {unit}.", "intent": "It is."}}]]}


@pytest.mark.parametrize(("model", "links"), [("none", 0), ("none", 110), ("scripted:script.yaml", 0)])
@pytest.mark.parametrize("how", ["full", "read-only"])
def test_what_a_disk_does_not_take_is_aborted_and_gone_on_with(root, tmp_path, how, model, links):
    more = {f"shop/{name}": text for name, text in chain(links).items()}  # of many modules two processes write
    more["script.yaml"] = json.dumps({name: say_of(name) for name in MODULES})
    told = on_a_small_disk(write(root, more), how, model)
    first, resumed = told["first"], told["resumed"]
    assert first["aborted"]
    assert len(first["aborted"]) == len(first["failed"]) == 5 + links - len(first["successful"])
    assert first["index_generated"] is (how == "read-only")
    assert "No space left" in str(first["failed"]) or "Read-only file system" in str(first["failed"])
    assert "aborted" in told["again"] or "No space left" in told["again"]
    assert told["leftovers"] == []
    assert (resumed["failed"], resumed["index_generated"]) == ([], True)
    undisturbed = write(tmp_path / "other" / "shop", SHOP | more)
    run_batch(undisturbed, options=SpecsOptions(model=model))
    assert told["specs"] == {name: text.decode() for name, text in spec_bytes(undisturbed).items()}


@pytest.mark.parametrize("name", ["specs", "specs/.state"])
@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_stands_in_the_place_of_our_folders_is_refused(root, tmp_path, name, kind):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / name).parent.mkdir(exist_ok=True)
    if kind == "link":
        (root / name).symlink_to(elsewhere)
    else:
        (root / name).write_text("mine")
    with pytest.raises(BadInput, match="is no plain folder"):
        run_batch(root)
    assert list(elsewhere.iterdir()) == []


def test_no_link_leads_our_own_files_elsewhere(root, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (root / "specs/.state").mkdir(parents=True)
    (root / "specs/.state/run.lock").symlink_to(victim)
    with pytest.raises(BadInput, match=r"run\.lock: is a symbolic link"):
        run_batch(root)
    (root / "specs/.state/run.lock").unlink()
    (root / "drift-logs").symlink_to(tmp_path)
    with pytest.raises(BadInput, match="is outside of"):
        run_batch(root, checkpoint_path="drift-logs/run.json")
    assert victim.read_text() == "precious"


def test_links_pipes_and_folders_in_the_place_of_specs_harm_nobody(root, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    specs = root / "specs/shop"
    specs.mkdir(parents=True)
    (specs / "app.py.spec.md").symlink_to(victim)
    os.mkfifo(specs / "cart.py.spec.md")
    (specs / "notes.py.spec.md").mkdir()
    os.mkfifo(root / "README.md")
    result = run_batch(root)
    (failed,) = result.failed
    assert (failed.path, result.aborted) == ("shop/notes.py", ())
    assert "is a folder where the spec would stand" in failed.reason
    assert len(result.successful) == 4
    assert victim.read_text() == "precious"
    assert "| failed" in (root / "specs/_index.spec.md").read_text()


def test_a_link_below_specs_fails_the_modules_behind_it_alone(root, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    write(root, {"tool.py": "X = 1\n"})
    (root / "specs").mkdir()
    (root / "specs/shop").symlink_to(tmp_path / "elsewhere")
    result = run_batch(root)
    assert result.successful == ("tool.py",)
    assert {each.path for each in result.failed} == set(MODULES)
    assert "is a symbolic link" in result.failed[0].reason
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_second_run_at_the_same_time_is_refused_and_says_why(root):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert select.select([other.stdout], [], [], 60)[0]
        assert other.stdout.readline() == "held\n"
        before = snapshot(root)
        with pytest.raises(BadInput, match=f'a run is under way.*"pid": {other.pid}.*module specs'):
            run_batch(root)
        assert snapshot(root) == before
        other.stdin.close()
    assert other.returncode == 0
    assert run_batch(root).successful == MODULES


def test_what_a_kill_left_half_written_is_removed(root):
    write(root, {"specs/shop/.nightwork-1-2.tmp": "half"})
    (root / "specs/shop/mine.tmp").write_text("mine")
    run_batch(root, options=SpecsOptions())
    assert [path.name for path in (root / "specs").rglob("*.tmp")] == ["mine.tmp"]
    assert not (root / CHECKPOINT).exists()
