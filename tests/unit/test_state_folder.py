"""The state folder may have come with a download: nothing in it leads the workbench to a file of the user's."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from workbench import files, runs
from workbench.cli.demo import lay_out
from workbench.errors import BadInput
from workbench.features.ingest import ingested, open_store, strangers
from workbench.features.store import Store
from workbench.runs import child, processes, sweep, work
from workbench.runs.records import Process
from workbench.testing import tiny_store
from workbench.tui.shell import background
from workbench.worker import work as worker_work
from workbench.worker.job import Job
from workbench.workspace import Workspace, state_folder


def snapshot(folder: Path) -> dict[str, tuple[bytes, float]]:
    """Every file below a folder, with its contents and time."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user's documents, which must stay as they are."""
    home = tmp_path / "home"
    (home / "documents" / "letters").mkdir(parents=True)
    for name in ("thesis.txt", "documents/a.npy", "documents/letters/b.parquet", ".profile", "manifest.json"):
        (home / name).write_text(f"the user's own {name}\n")
        os.utime(home / name, (1e9, 1e9))
    return home


# ---- clearing


def test_ingest_deletes_nothing_that_lies_beside_the_stores(make_folder: Callable[..., Path]) -> None:
    project = make_folder(name="features").parent
    state = project / "features" / "nested"
    mine = [
        state / "features" / name / "x.npy"
        for name in ("images", "resnet50_raw", ".partial-backup", "0123456789abcdef")
    ]
    for file in mine:
        file.parent.mkdir(parents=True)
        file.write_bytes(b"mine")
    workspace = Workspace.open(project / "features", state=state)
    open_store(workspace)
    assert all(file.read_bytes() == b"mine" for file in mine)
    assert workspace.state == state / ".workbench"


def test_state_in_the_folder_above_leaves_the_folders_beside_the_files_alone(make_folder: Callable[..., Path]) -> None:
    folder = make_folder(name="features")
    (folder / "images").mkdir()
    (folder / "images" / "a.png").write_bytes(b"picture")
    (folder / "resnet50_raw").mkdir()
    (folder / "resnet50_raw" / "train.npy").write_bytes(b"raw")
    for _ in range(2):
        open_store(Workspace.open(folder, state=folder.parent))
        (folder / "train.csv").touch()
    assert (folder / "images" / "a.png").read_bytes() == b"picture"
    assert (folder / "resnet50_raw" / "train.npy").read_bytes() == b"raw"


def test_a_store_that_is_replaced_goes_and_what_is_in_doubt_stays_and_is_listed(workspace: Workspace) -> None:
    old = open_store(workspace).folder
    doubtful = {
        "fedcba9876543210": {"manifest.json": b"{}", "train.npy": b"x"},  # named like a store, but not one
        "notes": {"a.txt": b"x"},
        ".partial-copy": {"train.npy": b"x"},
    }
    for name, contents in doubtful.items():
        (workspace.features_dir / name).mkdir()
        for file, data in contents.items():
            (workspace.features_dir / name / file).write_bytes(data)
    killed = workspace.features_dir / ".partial-4242-0123456789ab"
    killed.mkdir()
    (killed / "train.npy").write_bytes(b"half")
    renamed = workspace.features_dir / ("0" * 16)  # a copy of the store whose name is not what its manifest says
    shutil.copytree(old, renamed)
    (workspace.root / "train.csv").touch()
    store = open_store(Workspace.open(workspace.root))
    assert store.folder != old
    assert not old.exists()
    assert not killed.exists()
    assert {path.name for path in workspace.features_dir.iterdir()} == {
        *doubtful, renamed.name, store.folder.name, "current.json", ".lock",
    }  # fmt: skip
    assert all(name in strangers(workspace) for name in (*doubtful, renamed.name))
    assert store.folder.name not in strangers(workspace)


def test_files_put_into_a_store_survive_it(workspace: Workspace) -> None:
    old = open_store(workspace).folder
    (old / "notes.txt").write_text("mine")
    (old / "plots").mkdir()
    (old / "plots" / "train.npy").write_text("mine")
    (workspace.root / "train.csv").touch()
    open_store(Workspace.open(workspace.root))
    assert sorted(str(path.relative_to(old)) for path in old.rglob("*")) == ["notes.txt", "plots", "plots/train.npy"]


def test_state_of_an_earlier_version_is_found_where_it_lies(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder, place = make_folder(), tmp_path / "place"
    place.mkdir()
    old = Workspace(folder, Workspace.open(folder).config, place)
    store = open_store(old)
    assert Workspace.open(folder, state=place).state == place
    assert ingested(Workspace.open(folder, state=place)).folder == store.folder  # type: ignore[union-attr]
    assert state_folder(tmp_path / "other") == tmp_path / "other" / ".workbench"
    assert state_folder(tmp_path / "other" / ".workbench") == tmp_path / "other" / ".workbench"


def test_the_demo_overwrites_no_file_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("mine")
    with pytest.raises(BadInput, match=r"train\.csv.*--folder"):
        lay_out(tmp_path)
    assert (tmp_path / "train.csv").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["train.csv"]
    fresh = lay_out(tmp_path / "fresh")
    (fresh / "train.csv").write_text("an older version of the bundled set")
    lay_out(fresh)
    assert (fresh / "train.csv").read_text().startswith("path,label")


# ---- links


@pytest.mark.parametrize("room", [".", "features", "runs", "sweeps", "cache", "queue", "tables"])
def test_a_linked_folder_of_the_state_is_refused_and_nothing_behind_it_changes(
    make_folder: Callable[..., Path], home: Path, room: str
) -> None:
    folder = make_folder()
    place = folder / ".workbench" / room
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(os.path.relpath(home, place.parent))
    before = snapshot(home)
    with pytest.raises(BadInput, match=r"is a symbolic link.*--state DIR"):
        open_store(Workspace.open(folder))
    assert snapshot(home) == before


def ask(workspace: Workspace, analysis: str, run: str | None) -> None:
    """What the worker's process does for an analysis, in this one."""
    request = {"job": "job", "folder": str(workspace.root), "state": str(workspace.state), "analysis": analysis}
    worker_work.analyse(Job({**request, "params": {}, "pair": None, "run": run}, lambda *_: None, lambda: False))


@contextlib.contextmanager
def signals_as_they_are() -> Iterator[None]:
    """Undo what the process of a run does to its signals: what later tests start would inherit an ignored SIGHUP."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def do_everything(folder: Path) -> None:
    """Whatever writes below the state folder, one after the other; what a link makes fail is passed over."""

    def attempt(action: Callable[[], object]) -> None:
        with contextlib.suppress(BadInput, OSError):
            action()

    def each() -> None:
        workspace = Workspace.open(folder)
        attempt(lambda: workspace.remember(non_finite="refuse"))
        store = open_store(workspace)
        for run in runs.list_runs(workspace):
            attempt(lambda run=run: runs.star(run))  # type: ignore[misc]
            attempt(lambda run=run: child.main([str(run.folder)]))  # type: ignore[misc]
        newest = next((run.id for run in runs.list_runs(workspace) if run.state == "finished"), None)
        attempt(lambda: ask(workspace, "gap", newest))
        attempt(lambda: background.save_table(store.train.frame.collect(), workspace, "table"))
        attempt(lambda: sweep.create(workspace, store, "prototype", {"transform": "none,standardise"}, {}))

    with signals_as_they_are():
        attempt(each)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a queued run, and every file that working in it makes."""
    folder = tmp_path_factory.mktemp("template") / "set"
    store = tiny_store(folder)
    runs.create(Workspace.open(folder), store, "linear", {"epochs": 2})
    shutil.copytree(folder, folder.parent / "queued", copy_function=shutil.copy2)
    do_everything(folder)
    return folder.parent


def test_no_file_of_the_state_is_followed(template: Path, home: Path, tmp_path: Path) -> None:
    made = sorted(
        path.relative_to(template / "set")
        for path in (template / "set" / ".workbench").rglob("*")
        if path.is_file() and "sweeps" not in path.parts and "tables" not in path.parts
    )
    assert {path.name for path in made} >= {
        "choices.json", "current.json", "test-looks.jsonl", ".lock", "state.json", "metrics.jsonl", "marks.json",
        "summary.json", "head.safetensors", "checkpoint.safetensors", "test1.parquet", "manifest.json",
    }  # fmt: skip
    folders = sorted({path.parent for path in made if path.parent.name in ("predictions", "answers", "queue")})
    before = snapshot(home)
    for number, target in enumerate([*made, *folders]):
        folder = tmp_path / f"copy{number}"
        shutil.copytree(template / "queued", folder, copy_function=shutil.copy2)
        place = folder / target
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
        place.symlink_to(home / "documents" if target in folders else home / "thesis.txt")
        do_everything(folder)
        assert snapshot(home) == before, target
        shutil.rmtree(folder)


def test_a_linked_run_is_named_and_spares_the_others(workspace: Workspace, store: Store, home: Path) -> None:
    sound = runs.create(workspace, store, "prototype", {})
    (home / "config.json").write_text("{}")
    link = workspace.runs_dir / "20260101-000000-linear-abcd"
    link.symlink_to(home)
    before = snapshot(home)
    listed = {run.id: run for run in runs.list_runs(workspace)}
    assert listed[sound.id].state == "queued"
    assert listed[link.name].state == "failed"
    assert "is a symbolic link" in listed[link.name].error
    for action in (runs.star, runs.remove, runs.resume, runs.start_sync):
        with pytest.raises(BadInput):
            action(listed[link.name])
    assert snapshot(home) == before


def test_a_pipe_in_the_place_of_a_file_does_not_hold_the_program_up(workspace: Workspace, store: Store) -> None:
    run = runs.create(workspace, store, "prototype", {})
    (run.folder / "state.json").unlink()
    os.mkfifo(run.folder / "state.json")
    assert "not a regular file" in runs.read(run.folder).error


# ---- names


HOSTILE = [
    "../../../../X",
    "/etc/passwd",
    "..",
    ".",
    "",
    "a/b",
    "a\\b/..",
    "x\0y",
    "\n",
    "train",
    "a" * 300,
    "-\x1b[2J/",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_in_the_state_stay_inside_it(workspace: Workspace, name: str) -> None:
    store = open_store(workspace)
    manifest = json.loads((store.folder / "manifest.json").read_bytes())
    manifest["splits"][1]["name"] = name
    (store.folder / "manifest.json").write_bytes(json.dumps(manifest).encode())
    with pytest.raises(BadInput, match=r"manifest\.json"):
        Store.open(store.folder)

    current = workspace.features_dir / "current.json"
    pointer = json.loads(current.read_bytes())
    tests = pointer["config"]["features"]["tests"]
    tests[name] = tests.pop("test1")
    current.write_bytes(json.dumps(pointer).encode())
    for file in workspace.root.glob("*.csv"):
        file.unlink()
    with pytest.raises(BadInput, match=r"current\.json|fingerprint"):
        Workspace.open(workspace.root)

    current.write_bytes(json.dumps({**pointer, "fingerprint": name}).encode())
    if name not in ("train", "a" * 300):
        with pytest.raises(BadInput):
            Workspace.open(workspace.root)


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "train"])
def test_names_in_run_records_stay_inside_the_state(workspace: Workspace, store: Store, name: str) -> None:
    run = runs.create(workspace, store, "prototype", {})
    with pytest.raises(BadInput):
        run.view.predictions_file(name)
    config = json.loads((run.folder / "config.json").read_bytes())
    for value in (name, f"features/{name}", f"features/../{name}"):
        files.write_json(run.folder / "config.json", {**config, "store": value})
        with pytest.raises(BadInput):
            work.open_data(runs.RunFolder(run.folder))
    folder = workspace.state / "sweeps" / "20260101-000000-sweep-linear-abcd"
    folder.mkdir(parents=True)
    files.write_json(folder / "config.json", {"head": "linear", "grid": {}, "runs": [name]})
    files.write_json(folder / "state.json", {"state": "finished"})
    (listed,) = sweep.list_sweeps(workspace)
    assert listed.state == "failed"
    assert "config.json" in listed.error


def test_the_process_of_a_copied_run_is_no_process_of_this_machine(workspace: Workspace, store: Store) -> None:
    mine = processes.identity()
    assert processes.alive(mine)
    for state in (
        Process(pid=os.getpid(), host=mine.host),
        msgspec.structs.replace(mine, pid=-1),
        msgspec.structs.replace(mine, pid=-os.getpid()),
        msgspec.structs.replace(mine, pid=0),
        msgspec.structs.replace(mine, pid=1),
        msgspec.structs.replace(mine, started=(mine.started or 0.0) - 100),
    ):
        assert not processes.alive(state), state


def test_choices_are_checked(workspace: Workspace) -> None:
    workspace.remember(non_finite="drop")
    assert Workspace.open(workspace.root).config.features.non_finite == "drop"
    (workspace.state / "choices.json").write_bytes(msgspec.json.encode({"train": "/etc/passwd", "non_finite": None}))
    assert Workspace.open(workspace.root).config.features.train == workspace.config.features.train
    (workspace.state / "choices.json").write_bytes(msgspec.json.encode({"non_finite": "explode"}))
    with pytest.raises(BadInput, match=r"choices\.json.*explode"):
        Workspace.open(workspace.root)
