"""What the chosen run predicted, as the screens that show samples need it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polars as pl

    from workbench.features.store import Store
    from workbench.tui.shell.session import Session

COLUMNS = ("predicted", "confidence", "correct")


def predictions(session: Session, split: str) -> pl.DataFrame | None:
    """`predicted` (class index), `confidence`, `correct`, one row a sample of `split`; None where the run has none."""
    store = session.store
    if session.run is None or session.run.state != "finished" or store is None or split not in store.splits:
        return None
    # Feature files may have changed since the run was trained; its rows would then be those of other samples.
    if not session.run.trained_on(store.fingerprint):
        return None
    path = session.run.view.predictions_file(split)
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError:
        return None


@functools.lru_cache(maxsize=8)
def _read(path: Path, _changed: int) -> pl.DataFrame:
    import polars as pl

    return pl.read_parquet(path, columns=list(COLUMNS))


def verdict(session: Session, split: str, row: int) -> str:
    """What the run said of one sample: `predicted ✗ cat 87 %`; empty where it said nothing."""
    store, frame = session.store, predictions(session, split)
    if store is None or frame is None or not 0 <= row < frame.height:
        return ""
    return f"predicted {said_words(frame.row(row, named=True), store)}"


def said_words(prediction: Mapping[str, Any], store: Store) -> str:
    """A row of the predictions: `✗ cat 87 %`."""
    mark = "✓" if prediction["correct"] else "✗"
    return f"{mark} {store.classes[int(prediction['predicted'])]} {100 * prediction['confidence']:.0f} %"


def next_wrong(session: Session, split: str, row: int, step: int) -> int | None:
    """The next misclassified row of `split` after `row` (`step` 1) or before it (-1), going round at the end.

    None where nothing is misclassified or the run has no predictions.
    """
    frame = predictions(session, split)
    if frame is None:
        return None
    wrong = np.flatnonzero(~frame["correct"].to_numpy())
    if not len(wrong):
        return None
    if step > 0:
        place = int(np.searchsorted(wrong, row, side="right")) % len(wrong)
    else:
        place = int(np.searchsorted(wrong, row, side="left")) - 1
    return int(wrong[place])
