"""All that the author of an analysis imports.

    from workbench.api import Analysis, Context, Metric, Table, param

An analysis is a class with a `name`, a `title`, a docstring that says what it answers, a nested class `Params`, and
`run`, which yields blocks. Blocks are data, never widgets: the terminal, the reports and the JSON output each draw them
in their own way.

Beside these there are `stats` (tests, adjustments of p values, intervals, confusion counts, calibration, measures of
divergence: see `workbench.stats`), `choose` and `nearest` for names that the user spells, and `BadInput` for whatever
else the user gave that is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import polars as pl

from workbench import stats
from workbench.blocks import Block, Chart, HeatMap, Metric, Samples, Series, Table, Text
from workbench.cache import Cache
from workbench.errors import BadInput, choose, nearest
from workbench.features.alignment import alignment_checks
from workbench.features.checks import Check, by_severity, quick_checks
from workbench.features.store import TRAIN, Split
from workbench.present.splits import val_name
from workbench.settings import described, param

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "Analysis",
    "BadInput",
    "Block",
    "Cache",
    "Chart",
    "Check",
    "Context",
    "HeatMap",
    "Metric",
    "RunView",
    "Samples",
    "Series",
    "Split",
    "Table",
    "Text",
    "alignment_checks",
    "by_severity",
    "choose",
    "described",
    "nearest",
    "param",
    "quick_checks",
    "stats",
]


class RunView(Protocol):
    """What an analysis may read of a run.

    `config` and `summary` are read-only, and hold what `config.json` and `summary.json` of the run's folder hold:
    `config["head"]`, `summary["tests"]["val"]["accuracy"]`. The other members give with their types what analyses need
    most. `summary`, `tests` and `temperature` raise BadInput for a run that has not finished.
    """

    @property
    def id(self) -> str: ...
    @property
    def head(self) -> str: ...
    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def summary(self) -> Mapping[str, Any]: ...
    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings that the head was trained with, by name."""
        ...

    @property
    def tests(self) -> Sequence[str]:
        """The names of the test sets that the run has results on; none for a run of a sweep that val did not choose."""
        ...

    @property
    def temperature(self) -> float | None:
        """The temperature fitted on val; None for a run that is older than this figure."""
        ...

    def predictions(self, split: str) -> pl.DataFrame:
        """One row a sample of `split`, in the split's order.

        Columns `label` and `predicted` (int64, class indices), `confidence` (float32, the probability of `predicted`)
        and `correct`, among others. `train` covers every row of train, with a column `val` that is true for the rows
        that were held out for validation. Raises BadInput when the run has none for that split.
        """
        ...


@dataclass(frozen=True)
class Context:
    """What an analysis works on: the splits, the chosen run, a seeded generator, and ways to report and to stop.

    `cache` holds what is costly to compute and may be asked for again. It is the analysis' own, outlives the job (until
    its source changes or the worker's process ends), and drops what was used least recently when memory runs short.
    A key names all that the value depends on, a split by its `identity`:

        order = ctx.cache.get_or_compute(
            ("order", split.identity, feature), lambda: np.argsort(split.features[:, feature])
        )

    A `Context` made without a worker, in a test say, has a cache of its own.
    """

    splits: Mapping[str, Split]
    pair: tuple[str, str]
    classes: Sequence[str]
    label_values: Sequence[int | str]
    feature_names: Sequence[str]
    run: RunView | None = None
    runs: Mapping[str, RunView] = field(default_factory=dict)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    image_root: Path | None = None
    cache: Cache = field(default_factory=Cache)
    report_progress: Callable[[float, str], None] = lambda fraction, text: None
    report_log: Callable[[str], None] = lambda text: None
    is_cancelled: Callable[[], bool] = lambda: False

    def split(self, name: str) -> Split:
        """A split by name; `test1` and `test2` mean the chosen pair unless a test set is called so.

        Raises BadInput for an unknown name, with the nearest spelling.
        """
        if name not in self.splits and name in ("test1", "test2") and len(self.pair) == 2:
            name = self.pair[int(name == "test2")]
        return self.splits[choose(name, self.splits, "split")]

    @property
    def train(self) -> Split:
        return self.splits[TRAIN]

    @property
    def tests(self) -> list[str]:
        """The names of the test sets, in the order of the workspace file."""
        return [name for name in self.splits if name != TRAIN]

    @property
    def val_name(self) -> str:
        """What val, cut from train, is called in results: `val`, unless a test set bears that name."""
        return val_name(self.tests)

    @property
    def test1(self) -> Split:
        return self.split(self.pair[0])

    @property
    def test2(self) -> Split:
        return self.split(self.pair[1])

    def labels_of(self, indices: np.ndarray) -> pl.Series:
        """Class indices (int [n]) as the feature files call the classes."""
        return pl.Series(self.label_values).gather(pl.Series(indices, dtype=pl.UInt32))

    def names_of(self, indices: np.ndarray) -> pl.Series:
        """Class indices (int [n]) as the classes' names."""
        return pl.Series([self.classes[i] for i in indices], dtype=pl.String)

    @property
    def device(self) -> str:
        """Where torch can compute: `cuda:0` where it finds a GPU, else `cpu`. Imports torch, when it is first asked."""
        import torch

        return "cuda:0" if torch.cuda.device_count() else "cpu"

    def needs_run(self) -> RunView:
        """The chosen run; raises BadInput, saying how to get one, when none is chosen."""
        if self.run is None:
            raise BadInput("this analysis needs a finished run: train a head first, or choose a run with --run ID")
        return self.run

    def progress(self, fraction: float, text: str = "") -> None:
        """Say how far the work is, 0 to 1."""
        self.report_progress(float(fraction), text)

    @property
    def cancelled(self) -> bool:
        """True once the user has asked to stop; long loops look at it and return."""
        return self.is_cancelled()

    def log(self, text: str) -> None:
        """A line for the analysis' log."""
        self.report_log(str(text))


class Analysis:
    """A named question over splits and runs: typed parameters in, blocks out. Subclass it in a file of your own."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    needs_run: ClassVar[bool] = False

    class Params:
        """Declare parameters here: `top: int = param(20, help="rows to show", ge=1)`."""

    def run(self, ctx: Context, params: Any) -> Iterator[Block] | Iterable[Block]:
        """Yield blocks. `params` is an instance of `Params` with checked values."""
        raise TypeError(f"{type(self).__name__} has no run()")
