"""Does a run's confidence mean what it says, on each split, and how much does one temperature correct?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from workbench.api import Analysis, Block, Chart, Context, Metric, Series, Table, param, stats


class Calibration(Analysis):
    """Expected calibration error of the chosen run on val and each test set, before and after temperature scaling, and
    the reliability behind it: accuracy against confidence, bins of equal mass, 95% Clopper-Pearson intervals.

    The temperature was fitted on val alone when the run was trained; the interval of an error is a percentile
    bootstrap, which is biased upwards for a quantity that cannot be negative.
    """

    name = "calibration"
    title = "Calibration"
    needs_run = True

    class Params:
        bins: int = param(15, ge=2, le=100, help="bins of equal mass")
        calibrated: bool = param(False, help="draw confidences after temperature scaling")

    def run(self, ctx: Context, params: Params) -> Iterator[Block]:
        run = ctx.needs_run()
        if run.temperature is not None:
            yield Metric("temperature", run.temperature, note="fitted on val; above 1: the head is overconfident")
        series, parts = [], []
        sets = [ctx.val_name, *ctx.tests]
        for i, name in enumerate(sets):
            if ctx.cancelled:
                return
            ctx.progress(i / len(sets), name)
            frame = run.predictions("train").filter("val") if name == ctx.val_name else run.predictions(name)
            if frame.is_empty():
                continue
            yield from _errors(ctx, name, frame, params.bins)
            column = "calibrated" if params.calibrated and "calibrated" in frame.columns else "confidence"
            curve = stats.reliability(frame[column].to_numpy(), frame["correct"].to_numpy(), params.bins)
            series.append(Series(name, curve.confidence, curve.accuracy, split=name))
            parts.append(
                pl.DataFrame(
                    {
                        "split": [name] * len(curve.count),
                        "count": curve.count,
                        "correct": curve.correct,
                        "confidence": curve.confidence,
                        "accuracy": curve.accuracy,
                        "low": curve.low,
                        "high": curve.high,
                        "least": curve.least,
                        "most": curve.most,
                    }
                )
            )
        diagonal = np.array([0.0, 1.0])
        series.append(Series("perfectly calibrated", diagonal, diagonal))
        yield Chart(series, "reliability", x_label="confidence", y_label="accuracy", note="bins of equal mass")
        if parts:
            percent = ("confidence", "accuracy", "low", "high", "least", "most")
            yield Table(pl.concat(parts), "bins", percent=percent, note="accuracy with 95% Clopper-Pearson interval")
        ctx.progress(1.0)


def _errors(ctx: Context, name: str, frame: pl.DataFrame, bins: int) -> Iterator[Metric]:
    label, predicted, correct = (frame[column].to_numpy() for column in ("label", "predicted", "correct"))
    confidence = frame["confidence"].to_numpy()
    drawn = stats.bootstrap.intervals(label, predicted, confidence, len(ctx.classes), ctx.rng, bins=bins)
    note = f"{len(frame):,} samples; mean confidence {confidence.mean():.3f}, accuracy {correct.mean():.3f}"
    error = stats.expected_calibration_error(confidence, correct, bins)
    yield Metric(f"calibration error {name}", error, ci=drawn["ece"], split=name, note=note)
    if "calibrated" in frame.columns:
        after = stats.expected_calibration_error(frame["calibrated"].to_numpy(), correct, bins)
        yield Metric(f"calibration error {name}, with temperature", after, split=name)
