"""Leakage is found exactly: planted copies and near copies, against brute force."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.analyses.duplicates import Duplicates, leaks
from workbench.api import Context, Metric, Table
from workbench.features.ingest import open_store
from workbench.features.store import Split, Store
from workbench.settings import resolve
from workbench.workspace import Workspace


def context(store: Store) -> Context:
    return Context(store.splits, ("test1", "test2"), store.classes, store.label_values, store.feature_names)


def plant(workspace: Workspace, copies: int, near: int) -> None:
    """The first rows of test2 become copies of train's, the next ones nearly so."""
    train, test = pl.read_csv(workspace.root / "train.csv"), pl.read_csv(workspace.root / "test2.csv")
    features = [name for name in train.columns if name.startswith("f")]
    values = test.select(features).to_numpy().copy()
    values[: copies + near] = train.select(features).to_numpy()[: copies + near]
    values[copies : copies + near, 0] += 1e-3
    test.with_columns(pl.DataFrame(values, features)).write_csv(workspace.root / "test2.csv")


def test_planted_copies_are_counted_and_named(workspace: Workspace) -> None:
    plant(workspace, copies=7, near=4)
    blocks = list(Duplicates().run(context(open_store(workspace)), resolve(Duplicates.Params, {})))
    metrics = {block.name: block for block in blocks if isinstance(block, Metric)}
    assert metrics["test1 in train"].value == 0
    assert metrics["test2 in train"].value == 11
    assert metrics["test2 in train"].note.startswith("7 equal and 4 nearly equal")
    table = next(block for block in blocks if isinstance(block, Table))
    assert sorted(table.frame["row"].to_list()) == list(range(11))
    assert table.frame["into_row"].to_list() == table.frame["row"].to_list()
    assert table.frame["equal"].to_list() == [True] * 7 + [False] * 4


class Fake(Split):
    def __init__(self, name: str, features: np.ndarray) -> None:
        self.name, self.rows = name, len(features)
        self.__dict__["features"] = features.astype(np.float32)


@pytest.mark.parametrize("dim", [8, 200])
@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.floats(0.01, 0.4))
def test_equal_to_brute_force(dim: int, seed: int, tolerance: float) -> None:
    rng = np.random.default_rng(seed)
    train = rng.normal(size=(60, dim)) * 3 + 5
    one, two = (
        train[rng.integers(0, 60, 20)] + rng.normal(size=(20, dim)) * rng.choice([0, 0.05, 0.5, 2], (20, 1))
        for _ in "12"
    )
    splits = {"train": Fake("train", train), "one": Fake("one", one), "two": Fake("two", two)}
    found = leaks(Context(splits, ("one", "two"), [], [], []), tolerance)
    assert found is not None
    base = splits["train"].features.astype(np.float64)
    radius = tolerance * np.sqrt(((base - base.mean(axis=0)) ** 2).sum(axis=1).mean())
    for each in found:
        ours, into = (splits[name].features.astype(np.float64) for name in (each.split, each.into))
        distances = np.sqrt(((ours[:, None] - into) ** 2).sum(axis=2))
        nearest = distances.min(axis=1)
        clear = np.abs(nearest - radius) > 1e-4
        inside = np.zeros(len(ours), bool)
        inside[each.rows] = True
        np.testing.assert_array_equal(inside[clear], (nearest <= radius)[clear])
        np.testing.assert_allclose(each.distances, nearest[each.rows], atol=1e-9)
