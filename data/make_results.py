"""Trains every head on real feature sets and writes the README's table of results.

    python data/make_results.py ../shared/data/cifar10 ../shared/data/imagenet-votes

The settings below that are not a head's defaults were chosen on val; so is the row set in bold, by the rule of
sweeps: the highest val accuracy, of equal ones the lowest val loss. The test sets are looked at once by each run, after
training. With --state, runs that stand there already are not trained again.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from workbench import heads, runs
from workbench.features.ingest import open_store
from workbench.runs import RunSnapshot
from workbench.runs.records import Scores
from workbench.settings import values_of
from workbench.workspace import Workspace

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- results -->", "<!-- /results -->"
Candidate = tuple[str, dict[str, object]]

PLAIN: list[Candidate] = [
    ("linear", {}),
    ("nn1", {}),
    ("nn2", {}),
    ("mlp", {}),
    ("cosine", {}),
    ("logistic", {}),
    ("ridge", {}),
    ("lda", {}),
    ("prototype", {}),
    ("knn", {}),
]
IDENTITY: dict[str, object] = {
    "transform": "log1p",
    "start": "identity",
    "decay_to_start": True,
    "lr": 3e-3,
    "weight_decay": 1e-2,
    "epochs": 10,
}
CHOSEN: dict[str, list[Candidate]] = {
    "cifar10": [
        ("logistic", {"transform": "power+standardise"}),
        ("mlp", {"transform": "power+standardise", "feature_dropout": 0.4}),
    ],
    "imagenet-votes": [
        ("linear", IDENTITY),
        ("linear", {**IDENTITY, "label_smoothing": 0.1}),
        ("prototype", {"transform": "log1p"}),
    ],
}


def candidates(name: str) -> list[Candidate]:
    """What is trained on the set called `name`: every head as it is, but for what was chosen for this set."""
    return PLAIN + CHOSEN.get(name, [])


def trained(workspace: Workspace, head: str, settings: dict[str, object]) -> RunSnapshot:
    """A finished run, one that stands there where there is one; raises RuntimeError when it failed."""
    resolved = values_of(heads.resolve_settings(head, settings))
    for run in runs.list_runs(workspace):
        if run.state == "finished" and run.head == head and run.settings == resolved:
            return run
    run = runs.start_sync(runs.create(workspace, open_store(workspace), head, settings))
    while run.active:
        time.sleep(0.2)
        run = runs.read(run.folder)
    if run.state != "finished":
        raise RuntimeError(f"{head} {settings}: {run.state}, {run.error}")
    print(f"{workspace.root.name} {head} {settings}: val {run.val_accuracy:.4f}, {run.seconds:.0f} s", flush=True)
    return run


def standing(run: RunSnapshot) -> tuple[float, float]:
    """What runs are sorted by: val accuracy, and of equal ones the lower val loss."""
    assert run.summary is not None
    val = run.summary.val
    assert val.accuracy is not None
    assert val.loss is not None
    return val.accuracy, -val.loss


def percent(score: Scores) -> str:
    """`81.9 (80.8-83.0)`."""
    if score.accuracy is None or score.ci is None:
        return "-"
    low, high = score.ci
    return f"{100 * score.accuracy:.1f} ({100 * low:.1f}-{100 * high:.1f})"


def shown(settings: dict[str, object], chosen: dict[str, Any]) -> str:
    """The settings that were given, and what the fit chose on val."""
    given = [f"{key}={value}" for key, value in settings.items()]
    found = [f"{key} {value:.3g}" for key, value in chosen.items() if key in ("C", "alpha", "shrinkage", "k")]
    return ", ".join(given + [f"(val: {text})" for text in found]) or "defaults"


def row(run: RunSnapshot, settings: dict[str, object], *, best: bool) -> list[str]:
    """The cells of one run."""
    assert run.summary is not None
    cells = [run.head, shown(settings, run.summary.chosen), percent(run.summary.val)]
    cells += [percent(score) for score in list(run.tests.values())[:2]]
    if run.gap:
        low, high = run.gap.ci
        cells.append(f"{100 * run.gap.value:.1f} ({100 * low:.1f}-{100 * high:.1f})")
    cells.append(f"{run.seconds:.0f}")
    return [f"**{cell}**" if best else cell for cell in cells]


def section(folder: Path, state: Path) -> str:
    """The table of one feature set as Markdown, sorted by val accuracy."""
    workspace = Workspace.open(folder, state)
    found = [(trained(workspace, head, settings), settings) for head, settings in candidates(folder.name)]
    found.sort(key=lambda pair: standing(pair[0]), reverse=True)
    first, second = list(found[0][0].tests)[:2]
    store = open_store(workspace)
    heading = ["head", "settings", "val", f"test set 1: {first}", f"test set 2: {second}", "gap", "seconds"]
    lines = [
        f"### {folder.name}: {store.train.rows:,} x {store.dim}, {len(store.classes):,} classes",
        "",
        "| " + " | ".join(heading) + " |",
        "|---|---|" + "---:|" * (len(heading) - 2),
    ]
    lines += ["| " + " | ".join(row(run, given, best=index == 0)) + " |" for index, (run, given) in enumerate(found)]
    return "\n".join(lines)


def write(text: str) -> None:
    """Put the tables between the README's marks; raises ValueError when it has none."""
    readme = README.read_text(encoding="utf-8")
    before, after = readme.index(BEGIN) + len(BEGIN), readme.index(END)
    README.write_text(f"{readme[:before]}\n{text}\n{readme[after:]}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="a feature set")
    parser.add_argument("--state", type=Path, help="where to keep the runs (default: a temporary folder)")
    args = parser.parse_args()
    state = args.state or Path(tempfile.mkdtemp(prefix="workbench-results-"))
    try:
        write("\n\n".join(section(folder.resolve(), state / folder.resolve().name) for folder in args.folders))
    finally:
        if args.state is None:
            shutil.rmtree(state)


if __name__ == "__main__":
    main()
