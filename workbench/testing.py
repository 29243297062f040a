"""A small synthetic feature set for tests of plugins: a real store on disk, read by the real code.

from workbench.testing import run_analysis, tiny_context

def test_it(tmp_path):
    blocks = run_analysis(MyAnalysis, tiny_context(tmp_path), top=5)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from workbench.api import Analysis, Block, Context
from workbench.features.ingest import open_store
from workbench.features.store import Store
from workbench.settings import resolve
from workbench.workspace import Workspace


@dataclass(frozen=True)
class TinyRun:
    """A run whose head names the nearest class mean of train."""

    store: Store
    id: str = "20260101-000000-tiny-00"
    head: str = "tiny"
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    columns: int | None = None  # it looks at the first so many features; None: at all

    @property
    def settings(self) -> Mapping[str, Any]:
        """As `workbench.api.RunView.settings`."""
        settings: Mapping[str, Any] = self.config.get("settings", {})
        return settings

    @property
    def tests(self) -> tuple[str, ...]:
        """As `workbench.api.RunView.tests`."""
        return tuple(self.summary.get("tests", ()))

    @property
    def temperature(self) -> float | None:
        """As `workbench.api.RunView.temperature`."""
        return None

    def predictions(self, split: str) -> pl.DataFrame:
        """As `workbench.api.RunView.predictions`."""
        train, target = self.store.train, self.store.split(split)
        features, seen = train.features[:, : self.columns], target.features[:, : self.columns]
        means = np.stack([features[train.labels == c].mean(axis=0) for c in range(len(self.store.classes))])
        distance = ((seen[:, None] - means) ** 2).sum(axis=2)
        weight = np.exp(-(distance - distance.min(axis=1, keepdims=True)))
        predicted = distance.argmin(axis=1)
        frame = pl.DataFrame(
            {
                "label": target.labels,
                "predicted": predicted.astype(np.int64),
                "confidence": (1 / weight.sum(axis=1)).astype(np.float32),
                "correct": predicted == target.labels,
            }
        )
        return frame.with_columns(val=np.arange(target.rows) % 10 == 0) if split == "train" else frame


def tiny_store(folder: Path, rows: int = 60, dim: int = 6, classes: int = 3, seed: int = 0) -> Store:
    """Make and read a set: train (`rows` samples) and the test sets `test1` (half) and `test2` (a third, shifted)."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, dim))
    folder.mkdir(parents=True, exist_ok=True)
    for name, count, shift in (("train", rows, 0.0), ("test1", rows // 2, 0.0), ("test2", rows // 3, 0.7)):
        labels = np.arange(count) % classes
        features = centres[labels] + rng.normal(size=(count, dim)) * (1 + shift) + shift
        paths = [f"{name}/{label}/{row:04d}.png" for row, label in enumerate(labels)]
        frame = pl.DataFrame(features.astype(np.float32), schema=[f"f{i}" for i in range(dim)])
        frame.insert_column(0, pl.Series("path", paths)).insert_column(1, pl.Series("label", labels * 10))
        frame.write_parquet(folder / f"{name}.parquet")
    (folder / "classes.csv").write_text("label,name\n" + "".join(f"{10 * c},class {c}\n" for c in range(classes)))
    return open_store(Workspace.open(folder))


def tiny_context(folder: Path, store: Store | None = None, **overrides: Any) -> Context:
    """What an analysis is given, on a tiny store made in `folder` (or on `store`); `given` replaces fields of it."""
    data = store or tiny_store(folder)
    names = list(data.tests)
    looked_at = {"tests": {name: {"n": data.split(name).rows} for name in names}}
    run = TinyRun(data, summary=looked_at)
    other = TinyRun(data, id="20260101-000001-tiny-01", summary=looked_at, columns=2)
    ctx = Context(
        splits=data.splits,
        pair=(names[0], names[1]),
        classes=data.classes,
        label_values=data.label_values,
        feature_names=data.feature_names,
        run=run,
        runs={run.id: run, other.id: other},
    )
    return replace(ctx, **overrides)


def run_analysis(analysis: type[Analysis], ctx: Context, **params: object) -> list[Block]:
    """All blocks of an analysis; raises BadInput for a parameter that is unknown or outside its range."""
    return list(analysis().run(ctx, resolve(analysis.Params, params)))
