"""The heads on real features: as good as is known to be reached with plain means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from workbench import heads
from workbench.features.ingest import open_store
from workbench.features.store import Store, TrainingView
from workbench.heads import HEADS
from workbench.training import loop
from workbench.training.evaluate import predict
from workbench.training.recorder import Silent
from workbench.workspace import Workspace


def accuracies(store: Store, head: str, **settings: object) -> dict[str, float]:
    recorder = Silent()
    trained = loop.train(TrainingView(store, 0.1, 0), HEADS[head], heads.resolve_settings(head, settings), recorder)
    found = {"val": recorder.epochs[-1].val_accuracy or 0.0}
    for name, split in store.tests.items():
        predictions = predict(trained, split.features, split.labels)
        assert predictions is not None
        found[name] = float(predictions.correct.mean())
    return found


@pytest.mark.slow
def test_cifar10(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    store = open_store(Workspace.open(real_data("cifar10"), tmp_path))
    linear = accuracies(store, "linear")
    assert linear["test1"] >= 0.78
    assert linear["test2"] >= 0.71
    assert accuracies(store, "nn1", epochs=8)["val"] > linear["val"]


def test_digits(tmp_path: Path) -> None:
    """The bundled set: good without any setting, and the gap is there."""
    store = open_store(Workspace.open(Path(__file__).parents[3] / "data", tmp_path))
    found = accuracies(store, "linear")
    assert found["test1"] >= 0.94
    assert found["test2"] <= found["test1"] - 0.03
