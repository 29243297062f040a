import math

import numpy as np
import pytest
from scipy.stats import norm

from workbench import plugins
from workbench.api import BadInput, HeatMap, Table
from workbench.testing import run_analysis, tiny_context, tiny_store

INFO = next(info for info in plugins.discover() if info.name == "correlation")


@pytest.fixture
def ctx(tmp_path):
    return tiny_context(tmp_path, tiny_store(tmp_path, rows=200, dim=9))


def test_it_imports_the_api_alone():
    import ast

    assert INFO.path is not None
    tree = ast.parse(INFO.path.read_text())
    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in names if name.startswith("workbench")} == {"workbench.api"}


def test_correlations_equal_numpys_in_chunks(ctx, monkeypatch):
    module = __import__("sys").modules[plugins.load(INFO).__module__]
    monkeypatch.setattr(module, "CHUNK", 13)
    for split in (ctx.test1, ctx.train):
        found = module.correlations(ctx, split.features, 0, "")
        assert found == pytest.approx(np.corrcoef(split.features, rowvar=False), abs=1e-9)


def test_pairs_are_ordered_by_fishers_z(ctx):
    blocks = run_analysis(plugins.load(INFO), ctx, limit=0, features=5)
    block = next(block for block in blocks if isinstance(block, Table))
    assert (len(block.frame), block.of) == (36, 36)
    assert (np.diff(block.frame["z"].abs().to_numpy()) <= 0).all()
    row = block.frame.row(0, named=True)
    i, j = (ctx.feature_names.index(row[name]) for name in ("feature_1", "feature_2"))
    r1, r2 = (np.corrcoef(split.features[:, [i, j]], rowvar=False)[0, 1] for split in (ctx.test1, ctx.test2))
    z = (math.atanh(r2) - math.atanh(r1)) / math.sqrt(1 / (ctx.test1.rows - 3) + 1 / (ctx.test2.rows - 3))
    assert row["z"] == pytest.approx(z, rel=1e-6)
    assert row["p"] == pytest.approx(2 * norm.sf(abs(z)), rel=1e-6)
    assert row["p_adjusted"] == pytest.approx(min(36 * row["p"], 1), rel=1e-9)
    first, second = (block for block in blocks if isinstance(block, HeatMap))
    assert first.values.shape == second.values.shape == (5, 5)
    assert list(first.row_names) == list(second.column_names)


def test_constant_features_are_left_out(ctx):
    features = np.array(ctx.test1.features)
    features[:, 2] = 3.7
    np.save(ctx.test1.features.filename, features)
    ctx.test1.__dict__.pop("features")
    block = next(block for block in run_analysis(plugins.load(INFO), ctx, limit=0) if isinstance(block, Table))
    assert block.of == 28
    assert "f2" not in {*block.frame["feature_1"], *block.frame["feature_2"]}


def test_one_split_twice_is_refused(ctx):
    with pytest.raises(BadInput, match="same split"):
        run_analysis(plugins.load(INFO), ctx, a="train", b="train")
