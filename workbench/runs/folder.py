"""The directory of a run or sweep: paths of its files, and their contents as read by analyses."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from workbench import files
from workbench.errors import BadInput
from workbench.runs import records
from workbench.runs.records import RunConfig, RunState, RunSummary, SweepConfig

if TYPE_CHECKING:
    import polars as pl

LOG, HEAD = "log.txt", "head.safetensors"
COLUMNS = ("label", "predicted", "confidence", "correct")  # that predictions have had from the first version on


def read_log(folder: Path, limit: int = 64_000) -> str:
    """The output of the process of the run in `folder`: its last `limit` bytes, preceded by a note if truncated.

    Empty without a log, as for a run trained in the foreground; an error message if the log cannot be read.
    """
    try:
        with files.open_read(folder / LOG) as file:
            start = max(0, file.seek(0, os.SEEK_END) - limit)
            file.seek(start)
            text = file.read(limit).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{folder / LOG}: cannot be read ({error.strerror})"
    except files.UnsafeFile as error:
        return str(error)
    return f"... last {limit:,} bytes:\n{text}" if start else text


class JobFolder:
    """The directory of a run or sweep, which a separate process works on."""

    def __init__(self, path: Path) -> None:
        """Raises UnsafeFile when `path`, or the folder that it lies in, is a link."""
        files.folder(Path(path).parent)
        self.path = files.folder(Path(path))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def state(self) -> RunState:
        """`state.json` as it is now; raises DamagedFile when it is missing or cannot be read."""
        return records.read(self.path, RunState)

    @property
    def state_dir(self) -> Path:
        """The state folder of the workspace that it belongs to."""
        return self.path.parent.parent


class SweepFolder(JobFolder):
    """One sweep's directory."""

    @functools.cached_property
    def config(self) -> SweepConfig:
        """What is swept, and its runs; raises DamagedFile when the file is missing or cannot be read."""
        return records.read(self.path, SweepConfig)


class RunFolder(JobFolder):
    """One run's directory; `config` and `summary` are read once, `state` at each call."""

    @property
    def head(self) -> str:
        return self.config.head

    @functools.cached_property
    def config(self) -> RunConfig:
        """All that was resolved before training; raises DamagedFile when the file is missing or cannot be read."""
        return records.read(self.path, RunConfig)

    @functools.cached_property
    def summary(self) -> RunSummary:
        """The results; raises BadInput while there are none, DamagedFile when the file cannot be read."""
        summary = records.find(self.path, RunSummary)
        if summary is None:
            raise BadInput(f"run {self.id} has no results: it has not finished")
        return summary

    @property
    def head_file(self) -> Path:
        """The trained head, for `workbench.heads.trained.load`."""
        return self.path / HEAD

    def predictions_file(self, split: str) -> Path:
        """Path of the predictions of a split; raises UnsafeFile for an invalid split name, and for a link."""
        stem = files.name(split, "split", self.path)
        return files.regular(files.folder(self.path / "predictions") / f"{stem}.parquet")

    def predictions(self, split: str) -> pl.DataFrame:
        """One row per sample of `split`, in its order.

        Columns `label`, `predicted` (int64, class indices), `confidence`, `margin` (float32; probability of
        `predicted`, and that less the next), `correct` (bool), `top5` (list of int32) and `top5_p` (list of float32),
        best first, `loss` (float32, nats), `calibrated` (float32, `confidence` at the fitted temperature); `train` also
        `val` (bool). Raises BadInput when the run has none for it, DamagedFile when the file cannot be read.
        """
        import polars as pl

        path = self.predictions_file(split)
        if not path.exists():
            raise BadInput(
                f"run {self.id} has no predictions for split {split!r}: it has not finished, was trained before "
                "that split was added, or was not selected on val in its sweep; choose another run"
            )
        try:
            frame = pl.read_parquet(path)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise files.DamagedFile(f"{path}: damaged: {str(error).splitlines()[0]}; {records.REMEDY}") from None
        missing = [name for name in COLUMNS if name not in frame.columns]
        if missing:
            raise files.DamagedFile(f"{path}: damaged: no column {missing[0]!r}; {records.REMEDY}")
        return frame


class StoredRun:
    """A run as analyses read it. Implements `api.RunView`."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    @property
    def id(self) -> str:
        return self._folder.id

    @property
    def head(self) -> str:
        return self._folder.head

    @functools.cached_property
    def config(self) -> Mapping[str, Any]:
        return MappingProxyType(records.plain(self._folder.config))

    @functools.cached_property
    def summary(self) -> Mapping[str, Any]:
        return MappingProxyType(records.answer(self._folder.summary))

    @property
    def settings(self) -> Mapping[str, Any]:
        return MappingProxyType(self._folder.config.settings)

    @property
    def tests(self) -> tuple[str, ...]:
        return tuple(self._folder.summary.tests)

    @property
    def temperature(self) -> float | None:
        temperature = self._folder.summary.temperature
        return None if temperature is None else temperature.value

    @property
    def fingerprint(self) -> str:
        return self._folder.config.fingerprint

    def predictions(self, split: str) -> pl.DataFrame:
        """See `RunFolder.predictions`."""
        return self._folder.predictions(split)
