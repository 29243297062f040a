"""Predictions against plain numpy, and checkpoints on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from workbench.errors import Failed
from workbench.heads import temperature
from workbench.heads.trained import TrainedHead
from workbench.training import checkpoint, rows
from workbench.training.checkpoint import Checkpoint
from workbench.training.evaluate import predict


@pytest.mark.parametrize("classes", [2, 3, 5, 12])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_predictions_are_those_of_numpy(classes: int, dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "CHUNK_BYTES", 4 * 7 * 10)  # ten rows at a time
    monkeypatch.setitem(temperature.VALUES, "cpu", 4 * classes)
    rng = np.random.default_rng(classes)
    features: np.ndarray = rng.normal(size=(43, 7)).astype(dtype)
    labels = rng.integers(0, classes, 43)
    module = torch.nn.Linear(7, classes)
    head = TrainedHead("linear", {}, 7, classes, torch.nn.Identity(), module)
    found = predict(head, features, labels, temperature=0.6)
    assert found is not None
    logits = features.astype(np.float64) @ module.weight.detach().numpy().T.astype(np.float64)
    logits += module.bias.detach().numpy()
    p = softmax(logits, axis=1)
    order = np.argsort(-p, axis=1)[:, :5]
    assert (found.label == labels).all()
    assert found.predicted.dtype == found.label.dtype == np.int64
    assert (found.predicted == order[:, 0]).all()
    assert (found.top == order).all()
    assert (found.correct == (order[:, 0] == labels)).all()
    best = -np.sort(-p, axis=1)
    np.testing.assert_allclose(found.top_p, best[:, :5], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.confidence, best[:, 0], rtol=1e-4)
    np.testing.assert_allclose(found.margin, best[:, 0] - best[:, 1], atol=1e-5)
    np.testing.assert_allclose(found.loss, -log_softmax(logits, axis=1)[np.arange(43), labels], rtol=1e-4, atol=1e-5)
    colder = log_softmax(logits / 0.6, axis=1)
    np.testing.assert_allclose(found.calibrated, np.exp(colder.max(1)), rtol=1e-4)
    np.testing.assert_allclose(found.calibrated_loss, -colder[np.arange(43), labels], rtol=1e-4, atol=1e-5)


def test_predicting_can_be_cancelled() -> None:
    head = TrainedHead("linear", {}, 2, 2, torch.nn.Identity(), torch.nn.Linear(2, 2))
    assert predict(head, np.zeros((5, 2), np.float32), np.zeros(5, np.int64), lambda: True) is None


def test_a_checkpoint_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checkpoint.read(tmp_path) is None
    Checkpoint({"a": torch.arange(3)}, {"epoch": 1}).write(tmp_path)

    def fails(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", fails)
    with pytest.raises(OSError, match="No space"):
        Checkpoint({"a": torch.arange(4)}, {"epoch": 2}).write(tmp_path)
    kept = checkpoint.read(tmp_path)
    assert kept is not None
    assert kept.about == {"epoch": 1}
    assert torch.equal(kept.tensors["a"], torch.arange(3))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.json", "checkpoint.safetensors"]


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / checkpoint.TENSORS).write_bytes(b"\x00" * 40)
    with pytest.raises(Failed, match=r"checkpoint\.safetensors: damaged checkpoint"):
        checkpoint.read(tmp_path)
