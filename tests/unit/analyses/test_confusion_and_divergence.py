import numpy as np
import polars as pl
import pytest
from scipy.stats import ks_2samp, wasserstein_distance
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from workbench.analyses.confusion import Confusion
from workbench.analyses.divergence import Divergence
from workbench.api import BadInput, Chart, HeatMap, Metric, Table
from workbench.stats import divergence
from workbench.testing import run_analysis, tiny_context, tiny_store


@pytest.fixture
def ctx(tmp_path):
    return tiny_context(tmp_path, tiny_store(tmp_path, rows=300, dim=7, classes=4))


def table(blocks, title):
    return next(block for block in blocks if isinstance(block, Table) and block.title == title)


def test_confusion_equals_scikit_learn_on_each_test_set(ctx):
    blocks = run_analysis(Confusion, ctx, limit=0, sort="label")
    classes, pairs = table(blocks, "classes").frame, table(blocks, "pairs").frame
    assert classes.columns == ["test_set", "label", "name", "support", "precision", "recall", "f1", "correct"]
    assert {"test_set", "true", "predicted", "count", "rate"} <= set(pairs.columns)
    for name in ("test1", "test2"):
        predictions = ctx.run.predictions(name)
        true, predicted = predictions["label"].to_numpy(), predictions["predicted"].to_numpy()
        found = classes.filter(test_set=name)
        expected = precision_recall_fscore_support(true, predicted, labels=range(4), zero_division=0)
        for column, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
            assert found[column].to_numpy() == pytest.approx(values, abs=1e-12)
        assert found["correct"].to_list() == confusion_matrix(true, predicted, labels=range(4)).diagonal().tolist()
        assert found["label"].to_list() == list(ctx.label_values)
        matrix = confusion_matrix(true, predicted, labels=range(4))
        place = {value: i for i, value in enumerate(ctx.label_values)}
        for row in pairs.filter(test_set=name).iter_rows(named=True):
            t, p = place[row["true"]], place[row["predicted"]]
            assert row["count"] == matrix[t, p]
            assert row["rate"] == pytest.approx(matrix[t, p] / matrix[t].sum())
        assert pairs.filter(test_set=name)["count"].sum() == (true != predicted).sum()


def test_confusion_tells_accuracy_gap_and_change(ctx):
    blocks = run_analysis(Confusion, ctx)
    metrics = {block.name: block for block in blocks if isinstance(block, Metric)}
    first, second = metrics["accuracy test1"], metrics["accuracy test2"]
    assert first.value == ctx.run.predictions("test1")["correct"].mean()
    assert first.ci is not None
    assert first.ci[0] < first.value < first.ci[1]
    assert metrics["gap"].value == pytest.approx(first.value - second.value)
    changes = table(blocks, "changes").frame
    assert (changes["change"].to_numpy() == (changes["rate2"] - changes["rate1"]).to_numpy()).all()
    assert (np.diff(np.abs(changes["change"].to_numpy())) <= 1e-12).all()
    assert [block.values.shape for block in blocks if isinstance(block, HeatMap)] == [(4, 4), (4, 4)]


def test_confusion_takes_test_sets_by_name_and_names_unknown_ones(ctx):
    frame = table(run_analysis(Confusion, ctx, tests="test2"), "classes").frame
    assert frame["test_set"].unique().to_list() == ["test2"]
    with pytest.raises(BadInput, match=r"unknown test set 'tset2', did you mean 'test2'\?"):
        run_analysis(Confusion, ctx, tests="test1, tset2")


def test_a_class_never_named_has_zeros(tmp_path):
    ctx = tiny_context(tmp_path)

    class Blind:
        id, head, config, summary = "x", "blind", {}, {}

        def predictions(self, split):
            frame = tiny_context(tmp_path / "other").needs_run().predictions(split)
            return frame.with_columns(predicted=frame["label"] * 0)

    blocks = run_analysis(Confusion, tiny_context(tmp_path, run=Blind()), limit=0, sort="label", tests="test1")
    frame = table(blocks, "classes").frame
    assert frame["precision"].to_list()[1:] == [0, 0]
    assert frame["f1"].to_list()[1:] == [0, 0]
    assert ctx.classes == ["class 0", "class 1", "class 2"]


def test_divergence_equals_scipy_in_blocks(ctx, monkeypatch):
    monkeypatch.setattr(divergence, "BLOCK_BYTES", 2 * 4 * (ctx.test1.rows + ctx.test2.rows))
    block = table(run_analysis(Divergence, ctx, limit=0, sort="feature"), "features")
    assert block.frame.columns[:3] == ["feature", "ks", "wasserstein"]
    assert block.frame["feature"].to_list() == ctx.feature_names
    for j, row in enumerate(block.frame.iter_rows(named=True)):
        x, y = (split.features[:, j].astype(np.float64) for split in (ctx.test1, ctx.test2))
        expected = ks_2samp(x, y, method="asymp")
        assert row["ks"] == pytest.approx(expected.statistic, abs=1e-9)
        assert row["p"] == pytest.approx(expected.pvalue, rel=1e-6)
        assert row["wasserstein"] == pytest.approx(wasserstein_distance(x, y), abs=1e-6)
        assert row["sd_ratio"] == pytest.approx(y.std(ddof=1) / x.std(ddof=1))


def test_divergence_orders_by_the_measure_asked_for(ctx):
    for sort in ("ks", "wasserstein"):
        values = table(run_analysis(Divergence, ctx, sort=sort), "features").frame[sort].to_numpy()
        assert (np.diff(values) <= 0).all()
    shifts = table(run_analysis(Divergence, ctx, sort="smd"), "features").frame["smd"].to_numpy()
    assert (np.diff(np.abs(shifts)) <= 0).all()


def test_divergence_shows_two_histograms_on_shared_edges(ctx):
    chart = next(block for block in run_analysis(Divergence, ctx, feature="f3", bins=12) if isinstance(block, Chart))
    first, second = chart.series
    assert chart.kind == "steps"
    assert (first.x == second.x).all()
    assert (len(first.x), len(first.y)) == (13, 12)
    assert (first.split, second.split) == ("test1", "test2")
    assert first.y.sum() == pytest.approx(1)
    with pytest.raises(BadInput, match="did you mean 'f3'"):
        run_analysis(Divergence, ctx, feature="g3")


def test_divergence_of_a_split_with_itself_is_refused(ctx):
    with pytest.raises(BadInput, match="same split"):
        run_analysis(Divergence, ctx, a="test1", b="test1")


def test_divergence_equals_scipy_on_real_features(real_data):
    folder = real_data("cifar10")
    columns = [f"f{j}" for j in (0, 10, 450, 1223)]
    a, b = (pl.read_parquet(folder / f"{name}.parquet", columns=columns).to_numpy() for name in ("test1", "test2"))
    measures = divergence.compare(a, b).measures
    for j in range(len(columns)):
        x, y = a[:, j].astype(np.float64), b[:, j].astype(np.float64)
        assert measures["ks"][j] == pytest.approx(ks_2samp(x, y).statistic, abs=1e-9)
        assert measures["wasserstein"][j] == pytest.approx(wasserstein_distance(x, y), abs=1e-6)


def test_of_many_classes_the_heat_map_shows_those_confused_with_each_other(tmp_path):
    ctx = tiny_context(tmp_path, tiny_store(tmp_path, rows=600, dim=4, classes=30))
    blocks = run_analysis(Confusion, ctx, limit=0)
    pairs = table(blocks, "pairs").frame
    heat_map = next(block for block in blocks if isinstance(block, HeatMap))
    assert heat_map.values.shape == (20, 20)
    assert "20 of 30 classes" in heat_map.note
    most = pairs.group_by("true_name", "predicted_name").agg(pl.col("count").sum()).sort("count").row(-1, named=True)
    assert {most["true_name"], most["predicted_name"]} <= set(heat_map.row_names)
