"""The samples nearest to one sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from workbench.api import Analysis, BadInput, Block, Context, Metric, Split, Table, param

CHUNK_BYTES = 64 << 20
SPARE = 16  # candidates beyond k, so that rounding in the search cannot lose one that belongs among the k


class Neighbours(Analysis):
    """The k samples of a split nearest to one sample, exactly: with their labels, paths and distances, and how many
    share the sample's label.

    `euclidean` is the distance itself, not its square; `cosine` is 1 - cosine similarity, 1 where a vector is zero.
    When the split searched is the sample's own, the sample is left out. Equal distances are ordered by row.
    """

    name = "neighbours"
    title = "Neighbours"

    class Params:
        split: str = param("test2", help="the split of the sample", kind="split")
        row: int = param(0, help="the row of the sample in its split, from 0", ge=0)
        into: str = param("train", help="the split to search", kind="split")
        k: int = param(10, help="how many neighbours", ge=1, le=10_000)
        metric: str = param("euclidean", help="the distance", choices=("euclidean", "cosine"))
        limit: int = param(0, help="rows of the table, 0 for all k", ge=0)

    def run(self, ctx: Context, params: Params) -> Iterator[Block]:
        source, into = ctx.split(params.split), ctx.split(params.into)
        query = source.sample(params.row)
        left_out = params.row if source.name == into.name else None
        available = into.rows - (left_out is not None)
        if not available:
            raise BadInput(f"split {into.name} has no other sample to find")
        k = min(params.k, available)
        nearest = search(ctx, source.features[params.row], into, k, params.metric, left_out)
        if nearest is None:
            return
        rows, distances = nearest
        label = int(query["label"])
        yield _query_table(ctx, source, params.row, query)
        classes = into.labels[rows]
        same = classes == label
        share = float((into.labels == label).sum() - (left_out is not None)) / available
        note = f"{int(same.sum())} of {k} neighbours have the sample's label; {share:.1%} of {into.name} have it"
        yield Metric("agreement", float(same.mean()), unit="%", note=note)
        yield _neighbour_table(ctx, into, rows, distances, same, params.limit)
        yield _votes(ctx, classes, distances, params.limit)
        ctx.progress(1.0)


def search(
    ctx: Context, query: np.ndarray, into: Split, k: int, metric: str, left_out: int | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows [k] (int64) and distances [k] (float64) of the nearest samples, nearest first; None when cancelled.

    FAISS finds the candidates in float32; their distances are then computed anew in float64 and ordered by these.
    """
    vector = _prepared(np.asarray(query)[None], metric)
    count = min(2 * k + SPARE + (left_out is not None), into.rows)
    size = into.features.shape[0] * into.features.shape[1] * 4
    near = _indexed_search if size <= ctx.cache.limit else _chunked_search
    rows = near(ctx, vector, into, count, metric)
    if rows is None:
        return None
    rows = rows[rows != left_out] if left_out is not None else rows
    distances = _exact(np.asarray(query, np.float64), into.features[np.sort(rows)].astype(np.float64), metric)
    rows = np.sort(rows)
    order = np.lexsort((rows, distances))[:k]
    return rows[order], distances[order]


def _prepared(values: np.ndarray, metric: str) -> np.ndarray:
    """float32 in C order, of unit length for cosine; a zero vector stays zero."""
    plain = np.ascontiguousarray(values, np.float32)
    if metric == "euclidean":
        return plain
    lengths = np.sqrt(np.einsum("ij,ij->i", plain, plain))[:, None]
    unit: np.ndarray = plain / np.where(lengths > 0, lengths, np.float32(1))
    return unit


def _exact(query: np.ndarray, others: np.ndarray, metric: str) -> np.ndarray:
    if metric == "euclidean":
        return np.asarray(np.sqrt(((others - query) ** 2).sum(axis=1)))
    lengths = np.sqrt((others**2).sum(axis=1)) * np.sqrt((query**2).sum())
    cosine = np.divide(others @ query, lengths, out=np.zeros(len(others)), where=lengths > 0)
    distance: np.ndarray = np.maximum(1 - cosine, 0.0)
    return distance


def _indexed_search(ctx: Context, vector: np.ndarray, into: Split, count: int, metric: str) -> np.ndarray | None:
    """Search an index that is held for the next job."""
    key = ("index", into.identity, metric)
    index = ctx.cache.get_or_compute(key, lambda: _index(ctx, into, metric), nbytes=lambda _: into.features.size * 4)
    return None if index is None else np.asarray(index.search(vector, count)[1][0])


def _index(ctx: Context, into: Split, metric: str) -> Any:
    """A FAISS index of all vectors of a split; None when cancelled."""
    import faiss

    ctx.progress(0.1, f"indexing {into.name}")
    dim = into.features.shape[1]
    index = faiss.IndexFlatL2(dim) if metric == "euclidean" else faiss.IndexFlatIP(dim)
    for _, chunk in _chunks(into):
        if ctx.cancelled:
            return None
        index.add(_prepared(chunk, metric))
    return index


def _chunked_search(ctx: Context, vector: np.ndarray, into: Split, count: int, metric: str) -> np.ndarray | None:
    """Search the mapped file piece by piece, keeping the best so far: memory does not grow with the split."""
    import faiss

    kind = faiss.METRIC_L2 if metric == "euclidean" else faiss.METRIC_INNER_PRODUCT
    sign = 1 if metric == "euclidean" else -1
    best, rows = np.empty(0, np.float32), np.empty(0, np.int64)
    for start, chunk in _chunks(into):
        if ctx.cancelled:
            return None
        ctx.progress(start / into.rows, f"row {start:,} of {into.rows:,}")
        values, places = faiss.knn(vector, _prepared(chunk, metric), min(count, len(chunk)), metric=kind)
        best = np.concatenate([best, sign * values[0]])
        rows = np.concatenate([rows, places[0] + start])
        order = np.argsort(best, kind="stable")[:count]
        best, rows = best[order], rows[order]
    return rows


def _chunks(into: Split) -> Iterator[tuple[int, np.ndarray]]:
    step = max(CHUNK_BYTES // (4 * into.features.shape[1]), 1)
    for start in range(0, into.rows, step):
        yield start, into.features[start : start + step]


def _predicted_columns(ctx: Context, split: Split, rows: np.ndarray) -> dict[str, pl.Series]:
    """What the chosen run says of these samples; nothing without a run, or where it has no predictions."""
    if ctx.run is None:
        return {}
    try:
        frame = ctx.run.predictions(split.name)
    except BadInput as error:
        ctx.log(str(error))
        return {}
    picked = frame.select("predicted", "confidence")[rows.tolist()]
    predicted = picked["predicted"].to_numpy()
    return {
        "predicted": ctx.labels_of(predicted),
        "predicted_name": ctx.names_of(predicted),
        "confidence": picked["confidence"],
    }


def _query_table(ctx: Context, split: Split, row: int, query: dict[str, Any]) -> Table:
    label = np.array([query["label"]])
    columns = {
        "split": pl.Series([split.name]),
        "row": pl.Series([row]),
        "path": pl.Series([query["path"]], dtype=pl.String),
        "label": ctx.labels_of(label),
        "name": ctx.names_of(label),
        **_predicted_columns(ctx, split, np.array([row])),
    }
    percent = ("confidence",) if "confidence" in columns else ()
    return Table(pl.DataFrame(columns), "query", samples="row", split=split.name, percent=percent)


def _neighbour_table(
    ctx: Context, into: Split, rows: np.ndarray, distances: np.ndarray, same: np.ndarray, limit: int
) -> Table:
    columns = {
        "rank": np.arange(1, len(rows) + 1),
        "split": pl.Series([into.name] * len(rows)),
        "row": rows,
        "path": into.paths.gather(pl.Series(rows, dtype=pl.UInt32)),
        "label": ctx.labels_of(into.labels[rows]),
        "name": ctx.names_of(into.labels[rows]),
        "distance": distances,
        "same": same,
        **_predicted_columns(ctx, into, rows),
    }
    frame = pl.DataFrame(columns)
    percent = ("confidence",) if "confidence" in columns else ()
    shown = frame.head(limit) if limit else frame
    return Table(shown, "neighbours", of=len(frame), samples="row", split=into.name, percent=percent)


def _votes(ctx: Context, classes: np.ndarray, distances: np.ndarray, limit: int) -> Table:
    voted, counts = np.unique(classes, return_counts=True)
    frame = pl.DataFrame(
        {
            "label": ctx.labels_of(voted),
            "name": ctx.names_of(voted),
            "count": counts,
            "share": counts / len(classes),
            "nearest": [distances[classes == one].min() for one in voted],
        }
    ).sort("count", "nearest", descending=[True, False])
    return Table(frame.head(limit) if limit else frame, "votes", of=len(frame), percent=("share",))
