"""What a trained head achieved: predictions of every split, accuracies with intervals, the gap."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from workbench.features.store import TRAIN, Store
from workbench.runs import looks
from workbench.runs.folder import RunFolder
from workbench.stats.intervals import clopper_pearson, newcombe_difference
from workbench.stats.tests import two_proportion_z
from workbench.training.evaluate import Predictions, predict
from workbench.training.recorder import Stopped

if TYPE_CHECKING:
    from workbench.heads.trained import TrainedHead


def accuracy(correct: np.ndarray) -> dict[str, Any]:
    """Share of `correct` (bool [n]) with its 95% Clopper-Pearson interval; None for both without samples."""
    n, k = len(correct), int(correct.sum())
    if n == 0:
        return {"accuracy": None, "ci": None, "n": 0, "correct": 0}
    return {"accuracy": k / n, "ci": list(clopper_pearson(k, n)), "n": n, "correct": k}


def gap(tests: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """Accuracy of the first test set less that of the second: 95% interval (Newcombe), p (two-proportion z).

    None unless there are two test sets with samples.
    """
    pair = list(tests)[:2]
    if len(pair) < 2 or not all(tests[name]["n"] for name in pair):
        return None
    (k1, n1), (k2, n2) = ((tests[name]["correct"], tests[name]["n"]) for name in pair)
    z, p = two_proportion_z(k1, n1, k2, n2)
    return {"tests": pair, "value": k1 / n1 - k2 / n2, "ci": list(newcombe_difference(k1, n1, k2, n2)), "p": p, "z": z}


def evaluate(
    run: RunFolder, store: Store, head: TrainedHead, val_rows: np.ndarray, cancelled: Callable[[], bool]
) -> dict[str, Any]:
    """Predict every split, write the predictions, note the looks at the test sets; `{"train", "val", "tests", "gap"}`.

    Raises Stopped when cancelled between two pieces of work.
    """
    tests: dict[str, dict[str, Any]] = {}
    found: dict[str, Any] = {}
    for name, split in store.splits.items():
        if name != TRAIN:
            looks.note(run.state_dir / "test-looks.jsonl", run.id, name, split.rows, "evaluation after training")
        predictions = predict(head, split.features, split.labels, cancelled)
        if predictions is None:
            raise Stopped
        frame = table(predictions)
        if name == TRAIN:
            held_out = np.zeros(split.rows, dtype=bool)
            held_out[val_rows] = True
            frame = frame.with_columns(pl.Series("val", held_out))
            found["train"], found["val"] = (_scores(predictions, rows) for rows in (~held_out, held_out))
        else:
            tests[name] = _scores(predictions, np.ones(split.rows, dtype=bool))
        write_table(run, name, frame)
    return {**found, "tests": tests, "gap": gap(tests)}


def _scores(predictions: Predictions, rows: np.ndarray) -> dict[str, Any]:
    scores = accuracy(predictions.correct[rows])
    if not scores["n"]:
        return {**scores, "top5": None, "loss": None}
    hits = (predictions.top[rows] == predictions.label[rows, None]).any(1)
    return {**scores, "top5": float(hits.mean()), "loss": float(predictions.loss[rows].mean(dtype=np.float64))}


def table(predictions: Predictions) -> pl.DataFrame:
    """The columns of `predictions/<split>.parquet`, see `RunFolder.predictions`."""
    return pl.DataFrame(
        {
            "label": predictions.label,
            "predicted": predictions.predicted,
            "confidence": predictions.confidence,
            "margin": predictions.margin,
            "correct": predictions.correct,
            "top5": _lists(predictions.top),
            "top5_p": _lists(predictions.top_p),
            "loss": predictions.loss,
        }
    )


def _lists(values: np.ndarray) -> pl.Series:
    return pl.Series(values).arr.to_list()


def write_table(run: RunFolder, split: str, frame: pl.DataFrame) -> None:
    """Write the predictions of one split, beside and renamed."""
    path = run.predictions_file(split)
    path.parent.mkdir(exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    frame.write_parquet(beside, compression="zstd")
    beside.replace(path)
