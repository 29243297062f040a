"""Feature correlations of two splits side by side, and the pairs of features that differ most.

An example of a plugin: one file that imports `workbench.api` alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import polars as pl

from workbench.api import Analysis, BadInput, Block, Context, HeatMap, Metric, Table, param, stats

CHUNK = 8192  # rows read at once
NEARLY_ONE = 1 - 1e-7  # Fisher's z of 1 is infinite, and duplicate features are not worth an infinity


class Correlation(Analysis):
    """The correlation matrices of the features on two splits, and which pairs of features differ most between them.

    Pairs are ordered by the difference of Fisher's z = artanh(r), divided by its standard error sqrt(1 / (n - 3) + 1 /
    (m - 3)) (Fisher 1921); p is two-sided, adjusted after Holm for all pairs. It assumes normal features: read it as an
    order more than as a chance. The heat maps show the features of the foremost pairs; constant features are left out.
    """

    name = "correlation"
    title = "Feature correlations"

    class Params:
        a: str = param("test1", help="one split", kind="split")
        b: str = param("test2", help="the other split", kind="split")
        features: int = param(24, help="features in the heat maps", ge=2, le=200)
        limit: int = param(50, help="number of rows in the table of pairs, 0 for all", ge=0)

    def run(self, ctx: Context, params: Params) -> Iterator[Block]:
        a, b = ctx.split(params.a), ctx.split(params.b)
        if a.name == b.name:
            raise BadInput(f"a and b are the same split, {a.name}; choose two different ones")
        if min(a.rows, b.rows) < 4 or a.features.shape[1] < 2:
            raise BadInput("correlations require at least two features and four samples per split")
        first = correlations(ctx, a.features, 0.0, f"correlations on {a.name}")
        second = correlations(ctx, b.features, 0.5, f"correlations on {b.name}")
        if ctx.cancelled:
            return
        i, j = np.triu_indices(len(first), 1)
        r1, r2 = first[i, j], second[i, j]
        z = (fisher(r2) - fisher(r1)) / math.sqrt(1 / (a.rows - 3) + 1 / (b.rows - 3))
        known = np.flatnonzero(np.isfinite(z))
        if not len(known):
            raise BadInput("no pair of features varies on both splits, so there are no correlations to compare")
        order = known[np.argsort(-np.abs(z[known]), kind="stable")]
        yield Metric("mean |difference|", float(np.abs(r2 - r1)[known].mean()), note=f"of r, {len(known):,} pairs")
        yield Metric("largest |difference|", float(np.abs(r2 - r1)[known].max()), note=f"{a.name} against {b.name}")
        shown = foremost(i[order], j[order], params.features)
        shown = shown[grouped((first + second)[np.ix_(shown, shown)])]
        names = [str(ctx.feature_names[f]) for f in shown]
        of = f"{len(names)} of {len(first):,} features, from the most different pairs; correlated features are adjacent"
        for split, matrix in ((a, first), (b, second)):
            part = matrix[np.ix_(shown, shown)]
            yield HeatMap(part, f"correlations {split.name}", names, names, low=-1, high=1, diverging=True, note=of)
        table = pair_table(ctx, i[order], j[order], r1[order], r2[order], z[order], params.limit)
        note = f"a: {a.name}, b: {b.name}; z: Fisher's, p adjusted after Holm for {len(known):,} pairs"
        yield Table(table, "pairs", of=len(known), note=note)
        ctx.progress(1.0)


def correlations(ctx: Context, features: np.ndarray, done: float, text: str) -> np.ndarray:
    """The correlation matrix [D, D] of features [n, D], read piece by piece; NaN for constant features."""
    n, dim = features.shape
    mean = (
        sum((features[s : s + CHUNK].sum(axis=0, dtype=np.float64) for s in range(0, n, CHUNK)), start=np.zeros(dim))
        / n
    )
    products = np.zeros((dim, dim))
    for start in range(0, n, CHUNK):
        if ctx.cancelled:
            break
        ctx.progress(done + 0.5 * start / n, text)
        centred = features[start : start + CHUNK] - mean
        products += centred.T @ centred
    deviation = np.sqrt(np.diagonal(products))
    constant = deviation <= 1e-9 * np.sqrt(n) * np.maximum(np.abs(mean), 1e-30)
    deviation = np.where(constant, np.nan, deviation)
    return np.clip(products / deviation / deviation[:, None], -1, 1)


def fisher(r: np.ndarray) -> np.ndarray:
    """Fisher's z of correlations."""
    z: np.ndarray = np.arctanh(np.clip(r, -NEARLY_ONE, NEARLY_ONE))
    return z


def foremost(i: np.ndarray, j: np.ndarray, count: int) -> np.ndarray:
    """The features of the first pairs, until there are `count` of them."""
    both = np.stack([i, j], axis=1).reshape(-1)
    features, first_seen = np.unique(both, return_index=True)
    return features[np.argsort(first_seen)][:count]


def grouped(matrix: np.ndarray) -> np.ndarray:
    """An order in which correlated features stand together: by their part in the leading eigenvector."""
    return np.argsort(np.linalg.eigh(np.nan_to_num(matrix))[1][:, -1], kind="stable")


def pair_table(
    ctx: Context, i: np.ndarray, j: np.ndarray, r1: np.ndarray, r2: np.ndarray, z: np.ndarray, limit: int
) -> pl.DataFrame:
    """One row a pair, in the order given, up to `limit` (0: all); p values are adjusted for all pairs given."""
    p = stats.two_sided_p(z)
    adjusted = stats.holm(p)
    shown = slice(limit or None)
    return pl.DataFrame(
        {
            "feature_1": [str(ctx.feature_names[f]) for f in i[shown]],
            "feature_2": [str(ctx.feature_names[f]) for f in j[shown]],
            "r_a": r1[shown],
            "r_b": r2[shown],
            "difference": (r2 - r1)[shown],
            "z": z[shown],
            "p": p[shown],
            "p_adjusted": adjusted[shown],
        }
    )
