"""Records of runs as tests need them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.runs.records import Gap, RunConfig, RunSummary, Scores, Validation


def scores(accuracy: float | None, n: int = 100) -> Scores:
    """What a head achieved on a split of `n` samples."""
    correct = round((accuracy or 0.0) * n)
    return Scores(accuracy=accuracy, ci=(0.0, 1.0), n=n, correct=correct, top5=1.0, loss=0.5)


def config(settings: Mapping[str, Any], sweep: str = "") -> RunConfig:
    """The configuration of a linear head with these settings."""
    validation = Validation(fraction=0.1, seed=0)
    store = "features/0123456789abcdef"
    return RunConfig(
        created=0.0, head="linear", settings=dict(settings), store=store, fingerprint="0123456789abcdef",
        validation=validation, sweep=sweep,
    )  # fmt: skip


def summary(val: float | None, tests: Mapping[str, Scores]) -> RunSummary:
    """The results of a run with these scores, and a gap of 0.1 whatever they are."""
    gap = Gap(tests=("v1", "v2"), value=0.1, ci=(0.0, 0.2))
    return RunSummary(
        run="run",
        head="linear",
        epochs=20,
        seconds=12.5,
        train=scores(0.9),
        val=scores(val),
        tests=dict(tests),
        gap=gap,
    )
