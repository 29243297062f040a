"""Every accepted file layout gives the same store: the examples of data/README.md."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from workbench.errors import BadInput
from workbench.features.ingest import open_store
from workbench.features.labels import labels_from_paths
from workbench.features.store import Store
from workbench.features.writer import FICLONE
from workbench.workspace import Workspace

ROWS, DIM, CLASSES = 30, 5, 3
RNG = np.random.default_rng(7)
FEATURES = {name: RNG.normal(size=(ROWS, DIM)).astype(np.float32) for name in ("train", "test1", "test2")}
LABELS = np.arange(ROWS) % CLASSES
PATHS = [f"c{label}/{i}.png" for i, label in enumerate(LABELS)]


def frame(split: str, names: str = "f{}", **columns: object) -> pl.DataFrame:
    table = pl.DataFrame(FEATURES[split], schema=[names.format(i) for i in range(DIM)])
    return table.with_columns(**{name: pl.Series(values) for name, values in columns.items()})  # type: ignore[arg-type]


def check(folder: Path, dtype: str = "float32", rtol: float = 1e-6) -> Store:
    store = open_store(Workspace.open(folder))
    for split, features in FEATURES.items():
        np.testing.assert_allclose(store.split(split).features, features, rtol=rtol, atol=rtol)
        np.testing.assert_array_equal(store.split(split).labels, LABELS)
    assert store.train.features.dtype == dtype
    return store


def test_csv_with_label_first_path_last(tmp_path: Path) -> None:
    for split in FEATURES:
        frame(split, path=PATHS, label=LABELS).select("label", *[f"f{i}" for i in range(DIM)], "path").write_csv(
            tmp_path / f"{split}.csv"
        )
    store = check(tmp_path)
    assert store.train.paths.to_list() == PATHS
    assert store.feature_names == [f"f{i}" for i in range(DIM)]


@pytest.mark.parametrize("names", ["{}", "f{}", "feature_{}"])
def test_csv_feature_names_and_a_label_in_between(tmp_path: Path, names: str) -> None:
    for split in FEATURES:
        table = frame(split, names, label=LABELS)
        order = [*table.columns[:2], "label", *table.columns[2:DIM]]
        table.select(order).write_csv(tmp_path / f"{split}.csv")
    assert check(tmp_path).feature_names == [names.format(i) for i in range(DIM)]


@pytest.mark.parametrize("index", ["", "Unnamed: 0", "index"])
def test_an_index_column_of_pandas_is_dropped_with_a_notice(tmp_path: Path, index: str) -> None:
    for split in FEATURES:
        table = frame(split, label=LABELS)
        table.insert_column(0, pl.Series(index, range(ROWS))).write_csv(tmp_path / f"{split}.csv")
    store = check(tmp_path)
    assert store.dim == DIM
    assert any(repr(index) in notice for notice in store.manifest.notices)


def test_compressed_csv(tmp_path: Path) -> None:
    for split in FEATURES:
        text = frame(split, label=LABELS).write_csv().encode()
        (tmp_path / f"{split}.csv.gz").write_bytes(gzip.compress(text))
    check(tmp_path)


def test_zstd_csv(tmp_path: Path) -> None:
    for split in FEATURES:
        frame(split, label=LABELS).lazy().sink_csv(tmp_path / f"{split}.csv.zst", compression="zstd")
    check(tmp_path)


@pytest.mark.parametrize("kind", [pl.Float16, pl.Float32, pl.Float64])
def test_parquet_of_any_float(tmp_path: Path, kind: type[pl.DataType]) -> None:
    for split in FEATURES:
        frame(split, path=PATHS, label=LABELS).with_columns(pl.col("^f.$").cast(kind)).write_parquet(
            tmp_path / f"{split}.parquet"
        )
    check(tmp_path, rtol=2e-3 if kind is pl.Float16 else 1e-6)


@pytest.mark.parametrize("kind", ["list", "array"])
def test_parquet_with_one_column_of_vectors(tmp_path: Path, kind: str) -> None:
    vectors = pl.List(pl.Float32) if kind == "list" else pl.Array(pl.Float32, DIM)
    for split, features in FEATURES.items():
        pl.DataFrame({"embedding": pl.Series(features.tolist(), dtype=vectors), "label": LABELS}).write_parquet(
            tmp_path / f"{split}.parquet"
        )
    check(tmp_path)


@pytest.mark.parametrize("suffix", [".arrow", ".feather"])
def test_arrow(tmp_path: Path, suffix: str) -> None:
    for split in FEATURES:
        frame(split, label=LABELS).write_ipc(tmp_path / f"{split}{suffix}")
    check(tmp_path)


@given(st.lists(st.text("ab./\\ ", max_size=8), min_size=1))
def test_the_label_in_a_path_is_its_folder(paths: list[str]) -> None:
    expected = [PurePosixPath(path.replace("\\", "/").rstrip("/")).parent.name for path in paths]
    assume(all(not re.search(r"(^|/)\.($|/)", path.replace("\\", "/")) for path in paths))
    if all(expected):
        assert labels_from_paths(pl.Series(paths), "file").to_list() == expected
    else:
        row = expected.index("")
        with pytest.raises(BadInput, match=rf"row {row} has no folder in its path {re.escape(repr(paths[row]))}"):
            labels_from_paths(pl.Series(paths), "file")


def test_npy_with_labels_and_paths_beside_it(tmp_path: Path) -> None:
    for split, features in FEATURES.items():
        np.save(tmp_path / f"{split}.npy", features)
        np.save(tmp_path / f"{split}_labels.npy", LABELS)
        (tmp_path / f"{split}_paths.txt").write_text("\n".join(PATHS))
    assert check(tmp_path).train.paths.to_list() == PATHS


def test_npy_in_place_is_not_copied(tmp_path: Path) -> None:
    for split, features in FEATURES.items():
        np.save(tmp_path / f"{split}.npy", features)
        np.save(tmp_path / f"{split}_labels.npy", LABELS)
    (tmp_path / "workbench.toml").write_text(
        '[features]\ntrain = "train.npy"\nin_place = true\n[features.tests]\ntest1 = "test1.npy"\ntest2 = "test2.npy"\n'
    )
    store = check(tmp_path)
    assert not (store.folder / "train.npy").exists()
    assert str(store.train.features.filename) == str((tmp_path / "train.npy").resolve())  # type: ignore[attr-defined]


def test_float16_in_place(tmp_path: Path) -> None:
    for split, features in FEATURES.items():
        np.save(tmp_path / f"{split}.npy", features.astype(np.float16))
        np.save(tmp_path / f"{split}_labels.npy", LABELS)
    (tmp_path / "workbench.toml").write_text(
        '[features]\ntrain = "train.npy"\nin_place = true\ndtype = "float16"\n'
        '[features.tests]\ntest1 = "test1.npy"\ntest2 = "test2.npy"\n'
    )
    store = check(tmp_path, "float16", rtol=1e-3)
    assert not (store.folder / "train.npy").exists()
    assert store.train.info.rounding_error == 0


def test_npy_shares_its_blocks_with_the_store_where_the_file_system_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    shared = []

    def clone(target: Any, request: int, source: int) -> None:
        shared.append(request)
        os.write(target.fileno(), os.pread(source, 1 << 20, 0))

    monkeypatch.setattr(fcntl, "ioctl", clone)
    for split, features in FEATURES.items():
        np.save(tmp_path / f"{split}.npy", features if split != "test2" else features.astype(np.float64))
        np.save(tmp_path / f"{split}_labels.npy", LABELS)
    store = check(tmp_path)
    assert shared == [FICLONE] * 2, "float64 has to be written anew"
    assert (store.folder / "train.npy").read_bytes() == (tmp_path / "train.npy").read_bytes()


def test_npz(tmp_path: Path) -> None:
    for split, features in FEATURES.items():
        np.savez(tmp_path / f"{split}.npz", features=features, labels=LABELS)
    check(tmp_path)


def test_safetensors(tmp_path: Path) -> None:
    for split, features in FEATURES.items():
        save_file({"features": features, "labels": LABELS}, tmp_path / f"{split}.safetensors")
    check(tmp_path)


@pytest.mark.parametrize("pair", [True, False])
def test_pt(tmp_path: Path, pair: bool) -> None:
    import torch

    for split, features in FEATURES.items():
        tensors = torch.from_numpy(features), torch.from_numpy(LABELS)
        torch.save(tensors if pair else {"features": tensors[0], "labels": tensors[1]}, tmp_path / f"{split}.pt")
    check(tmp_path)


def test_shards_by_glob_in_natural_order(tmp_path: Path) -> None:
    table = frame("train", label=LABELS)
    for shard in range(12):
        table.slice(shard * 2, 2 if shard < 11 else ROWS).write_csv(tmp_path / f"train_{shard}.csv")
    for split in ("test1", "test2"):
        frame(split, label=LABELS).write_csv(tmp_path / f"{split}.csv")
    check(tmp_path)


@pytest.mark.parametrize("values", [["cat", "dog", "emu"], ["n01440764", "n01443537", "n01484850"]])
def test_labels_as_names_are_mapped_by_trains_sorted_order(tmp_path: Path, values: list[str]) -> None:
    for split in FEATURES:
        frame(split, label=[values[label] for label in LABELS]).write_csv(tmp_path / f"{split}.csv")
    assert check(tmp_path).label_values == values


def test_names_in_the_order_of_the_classes_file(tmp_path: Path) -> None:
    values = ["emu", "cat", "dog"]
    for split in FEATURES:
        frame(split, label=[values[label] for label in LABELS]).write_csv(tmp_path / f"{split}.csv")
    (tmp_path / "classes.txt").write_text("emu\ncat\ndog\n")
    assert check(tmp_path).classes == values


def test_wordnet_ids_named_by_the_classes_file(tmp_path: Path) -> None:
    ids = ["n02", "n01", "n03"]
    for split in FEATURES:
        frame(split, label=[ids[label] for label in LABELS]).write_csv(tmp_path / f"{split}.csv")
    (tmp_path / "classes.csv").write_text("label,wnid,name\n0,n02,tench\n1,n01,goldfish\n2,n03,shark\n")
    store = check(tmp_path)
    assert store.label_values == ids
    assert store.classes == ["tench", "goldfish", "shark"]


def test_labels_from_the_folder_in_the_path(tmp_path: Path) -> None:
    for split in FEATURES:
        frame(split, path=PATHS).write_csv(tmp_path / f"{split}.csv")
    store = check(tmp_path)
    assert store.label_values == ["c0", "c1", "c2"]
    assert any("no label column" in notice for notice in store.manifest.notices)


def test_extra_columns_and_a_sidecar_become_metadata(tmp_path: Path) -> None:
    for split in FEATURES:
        frame(split, path=PATHS, label=LABELS, camera=["a", "b"] * (ROWS // 2)).write_csv(tmp_path / f"{split}.csv")
    (tmp_path / "metadata.csv").write_text(
        "path,agreement\n" + "\n".join(f"{path},0.{i}" for i, path in enumerate(PATHS[:10]))
    )
    store = check(tmp_path)
    assert store.train.info.metadata == ["camera", "agreement"]
    assert store.train.sample(1)["camera"] == "b"
    assert store.train.sample(1)["agreement"] == pytest.approx(0.1)
    assert store.train.sample(20)["agreement"] is None


def test_a_second_label_column_is_never_a_feature(tmp_path: Path) -> None:
    for split in FEATURES:
        frame(split, label=LABELS, class_id=LABELS).write_csv(tmp_path / f"{split}.csv")
    assert "class_id" in check(tmp_path).train.info.metadata


def test_a_column_called_label_stays_when_another_one_is_the_label(tmp_path: Path) -> None:
    for split in FEATURES:
        frame(split, path=PATHS, label=LABELS + 10, species=LABELS).write_csv(tmp_path / f"{split}.csv")
    (tmp_path / "workbench.toml").write_text(
        '[features]\ntrain = "train.csv"\nlabel = "species"\n'
        '[features.tests]\ntest1 = "test1.csv"\ntest2 = "test2.csv"\n'
    )
    store = check(tmp_path)
    assert store.train.info.metadata == ["file_label"]
    assert store.train.sample(1)["file_label"] == 11
    assert any(
        "file_label is kept as metadata, not as a feature, next to the label 'species'" in text
        for text in store.manifest.notices
    )


def test_csv_with_line_ends_in_quoted_cells_and_none_after_the_last_row(tmp_path: Path) -> None:
    for split in FEATURES:
        table = frame(split, label=LABELS, note=["two\nlines", "one"] * (ROWS // 2))
        (tmp_path / f"{split}.csv").write_text(table.write_csv().removesuffix("\n"))
    assert check(tmp_path).train.sample(0)["note"] == "two\nlines"


def test_test_features_in_another_order_are_matched_by_name(tmp_path: Path) -> None:
    for split in FEATURES:
        table = frame(split, label=LABELS)
        table.select(reversed(table.columns) if split == "test1" else table.columns).write_csv(
            tmp_path / f"{split}.csv"
        )
    check(tmp_path)


def test_drop_and_keep_by_name_and_range(tmp_path: Path) -> None:
    for split in FEATURES:
        frame(split, label=LABELS).write_csv(tmp_path / f"{split}.csv")
    (tmp_path / "workbench.toml").write_text(
        '[features]\ntrain = "train.csv"\nkeep = ["f0..f3"]\ndrop = ["f1"]\n[features.tests]\ntest1 = "test1.csv"\n'
    )
    store = open_store(Workspace.open(tmp_path))
    assert store.feature_names == ["f0", "f2", "f3"]
    np.testing.assert_allclose(store.train.features, FEATURES["train"][:, [0, 2, 3]], rtol=1e-6)


def test_float16_halves_the_store_and_tells_the_rounding_error(tmp_path: Path) -> None:
    for split in FEATURES:
        frame(split, label=LABELS).write_csv(tmp_path / f"{split}.csv")
    (tmp_path / "workbench.toml").write_text(
        '[features]\ntrain = "train.csv"\ndtype = "float16"\n'
        '[features.tests]\ntest1 = "test1.csv"\ntest2 = "test2.csv"\n'
    )
    store = check(tmp_path, dtype="float16", rtol=1e-3)
    rounded = [np.abs(x.astype(np.float16).astype(np.float32) - x).max() for x in FEATURES.values()]
    assert store.manifest.rounding_error == pytest.approx(max(rounded), rel=1e-3)


def test_labels_of_folders_sorted_as_text_are_mended_on_request(tmp_path: Path) -> None:
    labels = np.arange(24) % 12
    permuted = np.argsort(sorted(range(12), key=str))[labels]  # the number that each folder got
    for split, values in (("train", labels), ("test1", labels), ("test2", permuted)):
        pl.DataFrame({"a": np.arange(24.0), "label": values}).write_csv(tmp_path / f"{split}.csv")
    (tmp_path / "workbench.toml").write_text(
        '[features]\ntrain = "train.csv"\nlabels_sorted_as_text = ["test2"]\n'
        '[features.tests]\ntest1 = "test1.csv"\ntest2 = "test2.csv"\n'
    )
    store = open_store(Workspace.open(tmp_path))
    np.testing.assert_array_equal(store.split("test2").labels, labels)
    np.testing.assert_array_equal(store.split("test1").labels, labels)
