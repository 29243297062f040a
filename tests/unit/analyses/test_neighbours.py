import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from workbench.analyses import neighbours
from workbench.analyses.neighbours import Neighbours
from workbench.api import BadInput, Cache, Metric, Table
from workbench.testing import run_analysis, tiny_context, tiny_store


@pytest.fixture
def ctx(tmp_path):
    return tiny_context(tmp_path, tiny_store(tmp_path, rows=400, dim=12))


def table(blocks, title="neighbours"):
    return next(block for block in blocks if isinstance(block, Table) and block.title == title)


def brute(ctx, split, row, into, k, metric):
    distances = cdist(
        ctx.split(split).features[row : row + 1].astype(np.float64),
        ctx.split(into).features.astype(np.float64),
        metric,
    )[0]
    order = np.argsort(distances, kind="stable")
    if split == into:
        order = order[order != row]
    return order[:k], distances[order[:k]]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize(
    ("split", "into"), [("test2", "train"), ("train", "train"), ("test1", "test2"), ("train", "test1")]
)
@pytest.mark.parametrize("way", ["warm", "in chunks"])
def test_equal_to_brute_force(ctx, metric, split, into, way, monkeypatch):
    if way == "in chunks":
        ctx = dataclasses.replace(ctx, cache=Cache(limit=0))
        monkeypatch.setattr(neighbours, "CHUNK_BYTES", 4 * 12 * 50)
    for row in (0, 7, 131):
        found = table(run_analysis(Neighbours, ctx, split=split, row=row, into=into, k=9, metric=metric)).frame
        rows, distances = brute(ctx, split, row, into, 9, metric)
        assert found["row"].to_list() == rows.tolist()
        assert found["distance"].to_numpy() == pytest.approx(distances, rel=1e-6, abs=1e-12)
        assert found["rank"].to_list() == list(range(1, 10))
        assert found["split"].unique().to_list() == [into]


def test_labels_paths_and_agreement(ctx):
    blocks = run_analysis(Neighbours, ctx, split="test1", row=4, into="train", k=25)
    found = table(blocks).frame
    train = ctx.train
    assert found.columns[:6] == ["rank", "split", "row", "path", "label", "name"]
    assert found["path"].to_list() == [train.paths[row] for row in found["row"]]
    assert found["label"].to_list() == [ctx.label_values[train.labels[row]] for row in found["row"]]
    agreement = next(block for block in blocks if isinstance(block, Metric))
    assert agreement.value == found["same"].mean()
    assert agreement.value == (train.labels[found["row"].to_numpy()] == ctx.test1.labels[4]).mean()
    assert table(blocks, "query").frame["row"].to_list() == [4]
    assert table(blocks, "votes").frame["count"].sum() == 25


def test_more_than_there_are_gives_all_and_the_query_is_left_out(ctx):
    found = table(run_analysis(Neighbours, ctx, split="test2", row=3, into="test2", k=10_000)).frame
    assert sorted(found["row"].to_list()) == [row for row in range(ctx.test2.rows) if row != 3]


def file_of(split: Any) -> Path:
    """The file that holds the features of a split."""
    return Path(split.features.filename)


def test_duplicates_of_the_query_stay(tmp_path):
    ctx = tiny_context(tmp_path, tiny_store(tmp_path, rows=60))
    features = np.array(ctx.train.features)
    features[[5, 9, 20]] = features[2]
    np.save(file_of(ctx.train), features)
    ctx.train.__dict__.pop("features")
    found = table(run_analysis(Neighbours, ctx, split="train", row=2, into="train", k=3)).frame
    assert found["row"].to_list() == [5, 9, 20]
    assert found["distance"].to_list() == [0, 0, 0]


def test_a_zero_vector_is_at_cosine_distance_1(tmp_path):
    ctx = tiny_context(tmp_path, tiny_store(tmp_path, rows=60))
    features = np.array(ctx.train.features)
    features[4] = 0
    np.save(file_of(ctx.train), features)
    ctx.train.__dict__.pop("features")
    found = table(run_analysis(Neighbours, ctx, split="train", row=0, into="train", k=59, metric="cosine")).frame
    assert found.filter(row=4)["distance"].to_list() == [1]


def test_a_row_that_is_not_there_is_named(ctx):
    with pytest.raises(BadInput, match="split test2 has no row 5000"):
        run_analysis(Neighbours, ctx, row=5000)


def test_what_the_run_says_is_shown(ctx):
    found = table(run_analysis(Neighbours, ctx, k=4)).frame
    predictions = ctx.run.predictions("train")
    expected = [ctx.label_values[predictions["predicted"][row]] for row in found["row"]]
    assert found["predicted"].to_list() == expected


def test_an_index_is_made_once_for_each_split_and_metric(ctx, monkeypatch):
    made: list[Any] = []
    index = neighbours._index

    def counted(*args):
        made.append(args[1:])
        return index(*args)

    monkeypatch.setattr(neighbours, "_index", counted)
    for split, metric in (("train", "euclidean"), ("train", "cosine"), ("test1", "euclidean")):
        for row in (0, 1):
            run_analysis(Neighbours, ctx, split="test2", row=row, into=split, metric=metric)
    assert [(split.name, metric) for split, metric in made] == [
        ("train", "euclidean"),
        ("train", "cosine"),
        ("test1", "euclidean"),
    ]
