"""The data checks see what they are there to see, and keep quiet otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from workbench.features.alignment import alignment_checks, label_alignment
from workbench.features.checks import quick_checks
from workbench.features.ingest import open_store
from workbench.features.store import Store
from workbench.workspace import Workspace


def titles(store: Store, severity: str) -> set[str]:
    return {check.title for check in quick_checks(store) if check.severity == severity}


def change(file: Path, *columns: pl.Expr) -> None:
    pl.read_csv(file).with_columns(*columns).write_csv(file)


def test_a_sound_set_has_no_finding(store: Store) -> None:
    assert titles(store, "error") | titles(store, "warning") == set()
    assert all(check.severity == "ok" for check in alignment_checks(store))


def test_constant_features_and_scales(workspace: Workspace) -> None:
    for name in ("train", "test1", "test2"):
        change(workspace.root / f"{name}.csv", pl.lit(3.0).alias("f1"), pl.col("f2") * 1e5)
    store = open_store(workspace)
    assert titles(store, "warning") == {"constant features", "features on different scales"}
    saw = next(check.saw for check in quick_checks(store) if check.title == "constant features")
    assert saw.endswith("f1")


def test_duplicate_paths(workspace: Workspace) -> None:
    change(workspace.root / "test1.csv", pl.lit("same.png").alias("path"))
    assert titles(open_store(workspace), "error") == {"duplicate paths in test1"}


def test_missing_classes_and_imbalance(workspace: Workspace) -> None:
    train = pl.read_csv(workspace.root / "train.csv")
    pl.concat([train.filter(pl.col("label") != 2), train.filter(pl.col("label") == 2).head(5)]).write_csv(
        workspace.root / "train.csv"
    )
    pl.read_csv(workspace.root / "test2.csv").filter(pl.col("label") != 1).write_csv(workspace.root / "test2.csv")
    assert titles(open_store(workspace), "warning") == {"class imbalance", "classes missing from test2"}


def test_a_test_set_on_another_scale(workspace: Workspace) -> None:
    change(workspace.root / "test2.csv", pl.col("f0") + 1000)
    assert titles(open_store(workspace), "warning") == {"test2 outside the range of train"}


@pytest.mark.parametrize("permuted", [True, False])
def test_imagenet_v2s_trap_is_seen_where_it_is(
    real_data: Callable[[str], Path], tmp_path: Path, permuted: bool
) -> None:
    source = real_data("imagenet-votes")
    folder = tmp_path / "set"
    folder.mkdir()
    table = pl.read_parquet(source / "v2.parquet")
    numbers = np.empty(1000, dtype=np.int64)
    numbers[sorted(range(1000), key=str)] = np.arange(1000)
    if permuted:
        table = table.with_columns(pl.Series("label", numbers[table["label"].to_numpy()]))
    table.write_parquet(folder / "v2.parquet")
    (folder / "workbench.toml").write_text(
        f'[features]\ntrain = "{source}/train.parquet"\n'
        f'[features.tests]\nval = "{source}/val.parquet"\nv2 = "v2.parquet"\n'
    )
    store = open_store(Workspace.open(folder))
    val, v2 = label_alignment(store)
    assert not val.near_chance
    assert v2.corrected_as_text == permuted
    assert ("labels_sorted_as_text" in str(alignment_checks(store))) == permuted


def test_labels_that_mean_nothing(workspace: Workspace) -> None:
    table = pl.read_csv(workspace.root / "test2.csv")
    table.with_columns(pl.Series("label", (table["label"].to_numpy() + 1) % 3)).write_csv(workspace.root / "test2.csv")
    found = {check.title: check for check in alignment_checks(open_store(workspace))}
    assert found["labels of test1"].severity == "ok"
    assert found["labels of test2"].severity == "error"
    assert "numbered differently" in found["labels of test2"].why
