"""The directory of a run: what lies where, and its contents as analyses read them."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import files
from workbench.errors import BadInput

if TYPE_CHECKING:
    import polars as pl

CONFIG, STATE, METRICS, LOG, SUMMARY, HEAD, MARKS, LAUNCHED = (
    "config.json", "state.json", "metrics.jsonl", "log.txt", "summary.json", "head.safetensors", "marks.json",
    "launched.json",
)  # fmt: skip


class RunFolder:
    """One run's directory. Implements `api.RunView`; `config` and `summary` are read once, `state` at each call."""

    def __init__(self, path: Path) -> None:
        """Raises UnsafeFile when `path`, or the folder of runs that it lies in, is a link."""
        files.folder(Path(path).parent)
        self.path = files.folder(Path(path))

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def head(self) -> str:
        return str(self.config.get("head", ""))

    @functools.cached_property
    def config(self) -> Mapping[str, Any]:
        """All that was resolved before training; empty when the file cannot be read."""
        return files.read_json(self.path / CONFIG) or {}

    @functools.cached_property
    def summary(self) -> Mapping[str, Any]:
        """The results; raises BadInput while there are none."""
        found = files.read_json(self.path / SUMMARY)
        if found is None:
            raise BadInput(f"run {self.id} has no results: it has not finished")
        return found

    @property
    def state(self) -> dict[str, Any]:
        """`state.json` as it is now; empty when it cannot be read."""
        return files.read_json(self.path / STATE) or {}

    @property
    def state_dir(self) -> Path:
        """The state folder of the workspace that the run belongs to."""
        return self.path.parent.parent

    @property
    def head_file(self) -> Path:
        """The trained head, for `workbench.heads.trained.load`."""
        return self.path / HEAD

    @property
    def log(self) -> str:
        """What the run's process printed."""
        try:
            return files.read_bytes(self.path / LOG).decode("utf-8", "replace")
        except OSError:
            return ""

    def predictions_file(self, split: str) -> Path:
        """Where the predictions of a split lie; raises UnsafeFile for a name that no split has, and for a link."""
        named = files.name(split, "split", self.path)
        return files.regular(files.folder(self.path / "predictions") / f"{named}.parquet")

    def predictions(self, split: str) -> pl.DataFrame:
        """One row a sample of `split`, in its order.

        Columns `label`, `predicted` (int64, class indices), `confidence`, `margin` (float32; probability of
        `predicted`, and that less the next), `correct` (bool), `top5` (list of int32) and `top5_p` (list of float32),
        best first, `loss` (float32, nats), `calibrated` (float32, `confidence` at the fitted temperature); `train` also
        `val` (bool). Raises BadInput when the run has none for it.
        """
        import polars as pl

        path = self.predictions_file(split)
        if not path.exists():
            raise BadInput(
                f"run {self.id} has no predictions for split {split!r}: it has not finished, is older than that split, "
                "or is one of a sweep that val did not choose; choose another run"
            )
        return pl.read_parquet(path)
