"""What a trained head achieved: predictions of every split, accuracies with intervals, the gap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from workbench import files
from workbench.features.store import TRAIN, Store
from workbench.runs import looks
from workbench.runs.folder import RunFolder
from workbench.stats import bootstrap
from workbench.stats.calibration import expected_calibration_error
from workbench.stats.intervals import clopper_pearson, newcombe_difference
from workbench.stats.significance import two_proportion_z
from workbench.training.evaluate import Predictions, fit_temperature, predict
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
    run: RunFolder,
    store: Store,
    head: TrainedHead,
    val_rows: np.ndarray,
    cancelled: Callable[[], bool],
    *,
    tests: bool = True,
) -> dict[str, Any]:
    """Predict every split and write the predictions; `{"train", "val", "temperature", "tests", "gap"}`.

    The temperature is fitted on val alone. Without `tests` no test set is looked at. Raises Stopped when cancelled
    between two pieces of work.
    """
    split = store.train
    temperature = fit_temperature(head, split.features, split.labels, val_rows)
    predictions = predict(head, split.features, split.labels, cancelled, temperature)
    if predictions is None:
        raise Stopped
    held_out = np.zeros(split.rows, dtype=bool)
    held_out[val_rows] = True
    write_table(run, TRAIN, table(predictions).with_columns(pl.Series("val", held_out)))
    found = {
        "train": scores(predictions, ~held_out, head.classes, resampled=False),
        "val": scores(predictions, held_out, head.classes),
        "temperature": {"value": temperature, "fitted_on": "val", "n": len(val_rows)},
    }
    return {**found, **(on_tests(run, store, head, temperature, cancelled) if tests else {"tests": {}, "gap": None})}


def on_tests(
    run: RunFolder, store: Store, head: TrainedHead, temperature: float, cancelled: Callable[[], bool] = lambda: False
) -> dict[str, Any]:
    """Predict the test sets, write the predictions, note the looks; `{"tests", "gap"}`."""
    tests: dict[str, dict[str, Any]] = {}
    for name, split in store.tests.items():
        looks.note(run.state_dir / "test-looks.jsonl", run.id, name, split.rows, "evaluation after training")
        predictions = predict(head, split.features, split.labels, cancelled, temperature)
        if predictions is None:
            raise Stopped
        tests[name] = scores(predictions, np.ones(split.rows, dtype=bool), head.classes)
        write_table(run, name, table(predictions))
    return {"tests": tests, "gap": gap(tests)}


def curves(run: RunFolder, store: Store) -> Callable[[TrainedHead], dict[str, dict[str, float]]]:
    """What draws accuracy on the test sets while a head is trained, each time written down as a look."""

    def watch(head: TrainedHead) -> dict[str, dict[str, float]]:
        found = {}
        for name, split in store.tests.items():
            looks.note(run.state_dir / "test-looks.jsonl", run.id, name, split.rows, "test curve while training")
            predictions = predict(head, split.features, split.labels)
            if predictions is not None and split.rows:
                found[name] = {
                    "accuracy": float(predictions.correct.mean()),
                    "loss": float(predictions.loss.mean(dtype=np.float64)),
                }
        return found

    return watch


def scores(predictions: Predictions, rows: np.ndarray, classes: int, *, resampled: bool = True) -> dict[str, Any]:
    """Accuracy and top-5 with Clopper-Pearson intervals; macro precision, recall and F1 and the calibration error (15
    bins of equal mass) with percentile intervals (`*_ci`) when `resampled`; the loss; `calibrated` with temperature."""
    found = accuracy(predictions.correct[rows])
    if not found["n"]:
        return {**found, "top5": None, "loss": None}
    label, predicted = predictions.label[rows], predictions.predicted[rows]
    confidence = predictions.confidence[rows]
    hits = (predictions.top[rows] == label[:, None]).any(1)
    found |= {"top5": float(hits.mean()), "top5_ci": list(clopper_pearson(int(hits.sum()), len(hits)))}
    found["loss"] = float(predictions.loss[rows].mean(dtype=np.float64))
    found |= bootstrap.macro(label, predicted, classes)
    correct = predictions.correct[rows]
    found["ece"] = expected_calibration_error(confidence, correct)
    if resampled:
        rng = np.random.default_rng(0)
        for key, interval in bootstrap.intervals(label, predicted, confidence, classes, rng).items():
            found[f"{key}_ci"] = list(interval)
    found["calibrated"] = {
        "ece": expected_calibration_error(predictions.calibrated[rows], correct),
        "loss": float(predictions.calibrated_loss[rows].mean(dtype=np.float64)),
    }
    return found


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
            "calibrated": predictions.calibrated,
        }
    )


def _lists(values: np.ndarray) -> pl.Series:
    return pl.Series(values).arr.to_list()


def write_table(run: RunFolder, split: str, frame: pl.DataFrame) -> None:
    """Write the predictions of one split, beside and renamed."""
    path = run.predictions_file(split)
    files.folder(path.parent, make=True)
    with files.replacing(path) as beside:
        frame.write_parquet(beside, compression="zstd")
