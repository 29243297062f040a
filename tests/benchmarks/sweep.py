"""Sixteen linear heads trained together against each alone, on the real features of cifar10.

    python tests/benchmarks/sweep.py [--folder shared/data/cifar10] [--epochs 5]

Prints seconds, their ratio (at most 0.25), and the largest differences of weights and val losses (at most 1e-5).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from itertools import product
from pathlib import Path

import torch
from figures import figure

from workbench import heads
from workbench.features.ingest import open_store
from workbench.features.store import TrainingView
from workbench.heads import HEADS
from workbench.heads.trained import TrainedHead
from workbench.training import batched, loop
from workbench.training.recorder import Diverged, Silent
from workbench.workspace import Workspace

RATES, DECAYS = (1e-4, 3e-4, 1e-3, 3e-3), (0.0, 1e-4, 1e-3, 1e-2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    data = Path(os.environ.get("WORKBENCH_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
    parser.add_argument("--folder", type=Path, default=data / "cifar10")
    parser.add_argument("--epochs", type=int, default=5)
    asked = parser.parse_args()
    if not asked.folder.is_dir():
        raise SystemExit(f"{asked.folder} is not there; --folder names another")
    with tempfile.TemporaryDirectory() as state:
        store = open_store(Workspace.open(asked.folder, Path(state)))
        measure(TrainingView(store, 0.1, 0), asked.epochs)


def measure(view: TrainingView, epochs: int) -> None:
    """The sweep, split in halves around the single trainings so that a busy machine slows both sides alike."""
    settings = [
        heads.resolve_settings("linear", {"epochs": epochs, "lr": lr, "weight_decay": decay, "device": "cpu"})
        for lr, decay in product(RATES, DECAYS)
    ]
    swept: list[tuple[TrainedHead | Diverged, Silent]] = []
    alone: list[tuple[TrainedHead, Silent]] = []
    times = []
    for _ in range(2):
        told = [Silent() for _ in settings]
        started = time.perf_counter()
        swept = list(zip(batched.train(view, HEADS["linear"], settings, told), told, strict=True))
        times.append(time.perf_counter() - started)
        if not alone:
            started = time.perf_counter()
            for one in settings:
                recorder = Silent()
                alone.append((loop.train(view, HEADS["linear"], one, recorder), recorder))
            single = time.perf_counter() - started
    weights = losses = 0.0
    for (one, rows), (head, expected) in zip(swept, alone, strict=True):
        assert isinstance(one, TrainedHead)
        for key, value in head.module.state_dict().items():
            weights = max(weights, float((one.module.state_dict()[key] - value).abs().max()))
        losses = max(losses, abs((rows.epochs[-1].val_loss or 0) - (expected.epochs[-1].val_loss or 0)))
    both = sum(times) / 2
    print(f"CPU, {torch.get_num_threads()} threads, {len(view.train_rows):,} x {view.dim}, {epochs} epochs")
    print(f"  together {both:.2f} s, one after another {single:.2f} s")
    figure("time of sixteen heads together / one after another", both / single, "at most 0.25")
    figure("largest difference of weights", weights, "at most 1e-5", 8)
    figure("largest difference of val losses", losses, "at most 1e-5", 8)


if __name__ == "__main__":
    main()
