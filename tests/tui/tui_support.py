"""What the tests of the interface share besides fixtures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widget import Widget

from workbench.features.ingest import ingested
from workbench.tui.theme import DARK
from workbench.workspace import Workspace


async def wait_for(pilot: Pilot[Any], condition: Callable[[], Any], *, seconds: float = 10.0) -> None:
    """Let the app work until `condition()` holds; fails after `seconds`."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            await pilot.pause()
            return
        await pilot.pause(0.02)
    raise AssertionError("the condition did not come true in time")


class Host(App[None]):
    """An app around one widget."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget
        self.register_theme(DARK)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        yield self.widget


def scores(accuracy: float, n: int | None) -> dict[str, Any]:
    """The scores of a split as `summary.json` holds them; without an interval where `n` is None."""
    ci = None if n is None else [accuracy - 0.05, accuracy + 0.05]
    n = n or 30
    return {"accuracy": accuracy, "ci": ci, "n": n, "correct": round(accuracy * n), "top5": 1.0, "loss": 0.5}


def make_run(
    workspace: Workspace,
    name: str = "20260101-120000-linear-aaaa",
    state: str = "finished",
    *,
    created: float = 1_700_000_000.0,
    epochs: int = 3,
    accuracies: tuple[float, float] = (0.9, 0.8),
) -> Path:
    """A run's folder as training leaves it, without training."""
    folder = workspace.runs_dir / name
    folder.mkdir(parents=True)
    store = ingested(workspace)
    config = {
        "id": name, "version": 1, "created": created, "head": "linear", "tests": ["test1", "test2"],
        "fingerprint": store.fingerprint if store else "x", "store": f"features/{store.fingerprint if store else 'x'}",
        "validation": {"fraction": 0.1, "seed": 0},
        "settings": {"lr": 0.01, "weight_decay": 1e-4, "batch_size": None, "epochs": epochs, "schedule": "cosine",
                     "transform": "standardise", "seed": 0, "device": "cpu"},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    row = {"state": state, "epoch": epochs, "epochs": epochs, "seconds": 1.5, "device": "cpu", "error": ""}
    (folder / "state.json").write_text(json.dumps(row))
    (folder / "log.txt").write_text("first line\nlast [b]line[/b]\n")
    lines = [
        {"kind": "epoch", "epoch": i + 1, "step": i + 1, "time": i, "train_loss": 1 / (i + 1),
         "val_loss": 1.2 / (i + 1),
         "train_accuracy": 0.5 + i / 10, "val_accuracy": 0.4 + i / 10, "lr": 0.01, "rows_per_second": 10.0}
        for i in range(epochs)
    ]  # fmt: skip
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if state == "finished":
        tests = {test: scores(accuracy, 150) for test, accuracy in zip(("test1", "test2"), accuracies, strict=True)}
        gap = {"tests": ["test1", "test2"], "value": accuracies[0] - accuracies[1], "ci": [0.02, 0.18], "p": 0.01}
        summary = {
            "run": name, "head": "linear", "epochs": epochs, "seconds": 1.5, "tests": tests, "gap": gap,
            "train": scores(0.95, 270), "val": scores(0.91, None),
        }  # fmt: skip
        (folder / "summary.json").write_text(json.dumps(summary))
    return folder
