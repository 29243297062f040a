"""Leakage: samples of a test set that are in train, or in the other test set, already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from workbench.api import Analysis, BadInput, Block, Context, Metric, Split, Table, param, stats

PROJECTED = 64
CANDIDATES = 4
CHUNK_VALUES = 16 << 20
SCALE_ROWS = 20_000


@dataclass(frozen=True)
class Leak:
    """Near-duplicates: rows of `split` (int64 [n]), the nearest row of `into` to each, and their distance (float64)."""

    split: str
    into: str
    rows: np.ndarray
    into_rows: np.ndarray
    distances: np.ndarray

    @property
    def equal(self) -> np.ndarray:
        """Bool `[n]`: the two feature vectors are the same to the last digit."""
        return np.asarray(self.distances == 0)


class Duplicates(Analysis):
    """Samples of the test sets whose feature vector is equal, or nearly equal, to one of train, and between the two
    test sets; with a run, also its accuracy on the samples that are left.

    Nearly equal: the euclidean distance is at most `tolerance` times the root mean square distance of train's samples
    from their mean. FAISS finds the candidates in an orthonormal projection to 64 dimensions, in which no distance
    grows; the distances given are those of the whole vectors.
    """

    name = "duplicates"
    title = "Duplicates and leakage"

    class Params:
        tolerance: float = param(0.01, help="how near is nearly equal, as a share of the samples' spread", ge=0, le=0.5)
        limit: int = param(50, help="rows of the table, 0 for all", ge=0)

    def run(self, ctx: Context, params: Params) -> Iterator[Block]:
        pairs = leaks(ctx, params.tolerance)
        if pairs is None:
            return
        for leak in pairs:
            equal = int(leak.equal.sum())
            note = f"{equal} equal and {len(leak.rows) - equal} nearly equal, of {ctx.split(leak.split).rows:,}"
            yield Metric(
                f"{leak.split} in {leak.into}", float(len(leak.rows)), unit="samples", split=leak.split, note=note
            )
        yield from _accuracy_on_the_rest(ctx, pairs)
        frame = pl.concat([_frame(ctx, leak) for leak in pairs]).sort("distance", maintain_order=True)
        shown = frame.head(params.limit) if params.limit else frame
        yield Table(shown, "duplicates", of=len(frame), samples="row")
        ctx.progress(1.0)


def leaks(ctx: Context, tolerance: float, start: float = 0.0) -> list[Leak] | None:
    """Every test set against train, and the chosen pair against each other; None when cancelled.

    Progress goes from `start` to 1.
    """
    pairs = [(ctx.splits[name], ctx.train) for name in ctx.tests]
    if len(ctx.pair) == 2 and ctx.pair[0] != ctx.pair[1]:
        pairs.append((ctx.test2, ctx.test1))
    centre, spread = _spread(ctx.train)
    projection = _projection(len(centre))
    result = []
    projected: dict[str, np.ndarray] = {}
    for place, (split, into) in enumerate(pairs):
        ctx.progress(start + (1 - start) * place / len(pairs), f"{split.name} in {into.name}")
        for each in (split, into):
            if each.name not in projected:
                projected[each.name] = _project(each, centre, projection)
        if ctx.cancelled:
            return None
        result.append(_near(split, into, projected, tolerance * spread))
    return result


def _spread(train: Split) -> tuple[np.ndarray, float]:
    """Train's mean `[D]` and the root mean square distance from it, from at most 20,000 rows evenly spaced."""
    rows = np.linspace(0, train.rows - 1, min(train.rows, SCALE_ROWS)).astype(np.int64)
    features = train.features[rows].astype(np.float32)
    centre = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    return centre, float(np.sqrt(((features - centre) ** 2).sum(axis=1, dtype=np.float64).mean()))


def _projection(dim: int) -> np.ndarray | None:
    """Orthonormal columns (float32 `[D, 64]`), or None where D is no more than that."""
    if dim <= PROJECTED:
        return None
    drawn = np.random.default_rng(0).standard_normal((dim, PROJECTED))
    columns: np.ndarray = np.linalg.qr(drawn)[0].astype(np.float32)
    return columns


def _project(split: Split, centre: np.ndarray, projection: np.ndarray | None) -> np.ndarray:
    out = np.empty((split.rows, len(centre) if projection is None else PROJECTED), np.float32)
    step = max(1, CHUNK_VALUES // len(centre))
    for start in range(0, split.rows, step):
        part = split.features[start : start + step].astype(np.float32) - centre
        out[start : start + step] = part if projection is None else part @ projection
    return out


def _near(split: Split, into: Split, projected: dict[str, np.ndarray], radius: float) -> Leak:
    import faiss

    index = faiss.IndexFlatL2(projected[into.name].shape[1])
    index.add(projected[into.name])
    k = min(CANDIDATES, into.rows)
    squares, places = index.search(projected[split.name], k)
    # The index works in float32, where the square of a tiny distance is lost in rounding; what the slack lets in is
    # judged by the whole vectors below.
    slack = 1e-5 * float((projected[split.name] ** 2).sum(axis=1).max(initial=0.0))
    rows, columns = np.nonzero(squares <= radius**2 + slack)
    candidates = places[rows, columns]
    distances = np.empty(len(rows))
    for start in range(0, len(rows), 1024):
        part = slice(start, start + 1024)
        ours = split.features[rows[part]].astype(np.float64)
        distances[part] = np.sqrt(((ours - into.features[candidates[part]]) ** 2).sum(axis=1))
    inside = distances <= radius
    rows, candidates, distances = rows[inside], candidates[inside], distances[inside]
    order = np.lexsort((candidates, distances, rows))
    rows, first = np.unique(rows[order], return_index=True)
    return Leak(split.name, into.name, rows, candidates[order][first], distances[order][first])


def _accuracy_on_the_rest(ctx: Context, pairs: list[Leak]) -> Iterator[Block]:
    if ctx.run is None:
        return
    for name in dict.fromkeys(leak.split for leak in pairs if leak.into == "train"):
        try:
            correct = ctx.run.predictions(name)["correct"].to_numpy()
        except BadInput as error:
            ctx.log(str(error))
            continue
        rest = np.ones(len(correct), bool)
        for leak in pairs:
            if leak.split == name and leak.into == "train":
                rest[leak.rows] = False
        if rest.all() or not rest.any():
            continue
        k, n = int(correct[rest].sum()), int(rest.sum())
        low, high = stats.clopper_pearson(k, n)
        note = f"on the {n:,} samples that are not in train; {correct.mean():.1%} on all {len(correct):,}"
        yield Metric(f"accuracy on the rest of {name}", k / n, (float(low), float(high)), "%", split=name, note=note)


def _frame(ctx: Context, leak: Leak) -> pl.DataFrame:
    split, into = ctx.split(leak.split), ctx.split(leak.into)

    def columns(each: Split, rows: np.ndarray) -> dict[str, pl.Series]:
        labels = each.labels[rows]
        values = pl.Series([str(ctx.label_values[label]) for label in labels], dtype=pl.String)
        return {
            "split": pl.Series([each.name] * len(rows), dtype=pl.String),
            "row": pl.Series(rows, dtype=pl.Int64),
            "path": each.paths.gather(pl.Series(rows, dtype=pl.UInt32)),
            "label": values,
            "name": pl.Series([ctx.classes[label] for label in labels], dtype=pl.String),
        }

    return pl.DataFrame(
        {
            **columns(split, leak.rows),
            **{f"into_{name}" if name != "split" else "into": c for name, c in columns(into, leak.into_rows).items()},
            "distance": pl.Series(leak.distances, dtype=pl.Float64),
            "equal": pl.Series(leak.equal, dtype=pl.Boolean),
            "same_label": pl.Series(split.labels[leak.rows] == into.labels[leak.into_rows], dtype=pl.Boolean),
        }
    )
