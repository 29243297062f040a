"""What a trained head achieved: predictions of every split, accuracies with intervals, the gap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import polars as pl

from workbench import files
from workbench.features.store import TRAIN, Store
from workbench.runs import looks
from workbench.runs.folder import RunFolder
from workbench.runs.recorder import TestScore
from workbench.runs.records import Calibrated, Gap, Results, Scores, Temperature
from workbench.stats import bootstrap
from workbench.stats.calibration import expected_calibration_error
from workbench.stats.intervals import clopper_pearson, newcombe_difference
from workbench.stats.significance import two_proportion_z
from workbench.training.evaluate import Predictions, fit_temperature, predict
from workbench.training.recorder import Stopped

if TYPE_CHECKING:
    from workbench.heads.trained import TrainedHead


def accuracy(correct: np.ndarray) -> Scores:
    """Share of `correct` (bool [n]) with its 95% Clopper-Pearson interval; None for both without samples."""
    n, k = len(correct), int(correct.sum())
    if n == 0:
        return Scores(accuracy=None, ci=None, n=0, correct=0, top5=None, loss=None)
    low, high = clopper_pearson(k, n)
    return Scores(accuracy=k / n, ci=(low, high), n=n, correct=k, top5=None, loss=None)


def gap(tests: Mapping[str, Scores]) -> Gap | None:
    """Accuracy of the first test set less that of the second: 95% interval (Newcombe), p (two-proportion z).

    None unless there are two test sets with samples.
    """
    names = list(tests)[:2]
    if len(names) < 2 or not all(tests[name].n for name in names):
        return None
    (k1, n1), (k2, n2) = ((tests[name].correct, tests[name].n) for name in names)
    z, p = two_proportion_z(k1, n1, k2, n2)
    low, high = newcombe_difference(k1, n1, k2, n2)
    return Gap(tests=(names[0], names[1]), value=k1 / n1 - k2 / n2, ci=(low, high), p=p, z=z)


def evaluate(
    run: RunFolder,
    store: Store,
    head: TrainedHead,
    val_rows: np.ndarray,
    cancelled: Callable[[], bool],
    *,
    tests: bool = True,
) -> Results:
    """Predict every split and write the predictions.

    The temperature is fitted on val only. Without `tests`, no test set is evaluated. Raises Stopped when cancelled
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
    test_scores = on_tests(run, store, head, temperature, cancelled) if tests else {}
    return Results(
        train=scores(predictions, ~held_out, head.classes, resampled=False),
        val=scores(predictions, held_out, head.classes),
        temperature=Temperature(value=temperature, fitted_on="val", n=len(val_rows)),
        tests=test_scores,
        gap=gap(test_scores),
    )


def on_tests(
    run: RunFolder, store: Store, head: TrainedHead, temperature: float, cancelled: Callable[[], bool] = lambda: False
) -> dict[str, Scores]:
    """Predict the test sets, write the predictions and record the evaluations; returns the scores by test set."""
    tests: dict[str, Scores] = {}
    for name, split in store.tests.items():
        looks.note(run.state_dir / "test-looks.jsonl", run.id, name, split.rows, "evaluation after training")
        predictions = predict(head, split.features, split.labels, cancelled, temperature)
        if predictions is None:
            raise Stopped
        tests[name] = scores(predictions, np.ones(split.rows, dtype=bool), head.classes)
        write_table(run, name, table(predictions))
    return tests


def curves(run: RunFolder, store: Store) -> Callable[[TrainedHead], dict[str, TestScore]]:
    """Evaluates a head on the test sets while it is trained; each time is recorded as a test-set evaluation."""

    def watch(head: TrainedHead) -> dict[str, TestScore]:
        tests = {}
        for name, split in store.tests.items():
            looks.note(run.state_dir / "test-looks.jsonl", run.id, name, split.rows, "test curve while training")
            predictions = predict(head, split.features, split.labels)
            if predictions is not None and split.rows:
                loss = float(predictions.loss.mean(dtype=np.float64))
                tests[name] = TestScore(float(predictions.correct.mean()), loss)
        return tests

    return watch


def scores(predictions: Predictions, rows: np.ndarray, classes: int, *, resampled: bool = True) -> Scores:
    """Accuracy and top-5 with Clopper-Pearson intervals; macro precision, recall and F1 and the calibration error (15
    bins of equal mass) with percentile intervals (`*_ci`) when `resampled`; the loss; `calibrated` with temperature."""
    correct = predictions.correct[rows]
    basic = accuracy(correct)
    if not basic.n:
        return basic
    label, predicted = predictions.label[rows], predictions.predicted[rows]
    confidence = predictions.confidence[rows]
    hits = (predictions.top[rows] == label[:, None]).any(1)
    low, high = clopper_pearson(int(hits.sum()), len(hits))
    intervals: Mapping[str, tuple[float, float]] = {}
    if resampled:
        intervals = bootstrap.intervals(label, predicted, confidence, classes, np.random.default_rng(0))
    return msgspec.structs.replace(
        basic,
        top5=float(hits.mean()),
        top5_ci=(low, high),
        loss=float(predictions.loss[rows].mean(dtype=np.float64)),
        ece=expected_calibration_error(confidence, correct),
        calibrated=Calibrated(
            ece=expected_calibration_error(predictions.calibrated[rows], correct),
            loss=float(predictions.calibrated_loss[rows].mean(dtype=np.float64)),
        ),
        **bootstrap.macro(label, predicted, classes),
        **{f"{name}_ci": interval for name, interval in intervals.items()},
    )


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
    """Write the predictions of one split to a temporary file and rename it."""
    path = run.predictions_file(split)
    files.folder(path.parent, make=True)
    with files.replacing(path) as beside:
        frame.write_parquet(beside, compression="zstd")
