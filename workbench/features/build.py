"""Building a store: every split read, checked and written into one folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import BadInput, Cancelled
from workbench.features.progress import IngestProgress, Progress
from workbench.features.store import TRAIN, VERSION, Manifest, SplitInfo
from workbench.text import counted
from workbench.workspace import CONFIG, Workspace

if TYPE_CHECKING:
    import polars as pl

    from workbench.features.labels import ClassTable
    from workbench.features.source import Source

BATCH_VALUES = 1 << 20


class Build:
    """One reading of all splits into a folder that becomes the store."""

    def __init__(
        self,
        workspace: Workspace,
        files: dict[str, list[Path]],
        folder: Path,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> None:
        self.workspace = workspace
        self.files = files
        self.folder = folder
        self.progress = progress
        self.cancelled = cancelled
        self.config = workspace.config
        self.notices: list[str] = []
        self.total_bytes = sum(path.stat().st_size for paths in files.values() for path in paths)
        self.done_bytes = 0
        self.started = time.monotonic()

    def run(self, name: str) -> Manifest:
        sources = self._sources()
        features = sources[TRAIN].feature_names
        classes: ClassTable | None = None
        infos = []
        for split, source in sources.items():
            frame, info = self._read(split, source)
            labels = self._labels(frame, source, split)
            if classes is None:
                classes = self._classes(labels)
            indices = classes.indices(labels, str(source.files[0]))
            if split in self.config.features.labels_sorted_as_text:
                from workbench.features.labels import unsort_text

                indices = unsort_text(indices, len(classes.values))
            infos.append(self._write_rest(split, source, frame, indices, classes, info))
        assert classes is not None
        return Manifest(
            version=VERSION,
            fingerprint=name,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            dim=len(features),
            dtype=self.config.features.dtype,
            feature_names=features,
            label_values=classes.values,
            class_names=classes.names,
            splits=infos,
            notices=self.notices,
        )

    def _sources(self) -> dict[str, Source]:
        """Readers of all splits, opened and compared before the first long read."""
        from workbench.features.columns import ColumnOptions
        from workbench.features.readers import open_source

        config = self.config.features
        options = ColumnOptions(config.label, config.path, config.drop, config.keep)
        sources = {split: open_source(files, options) for split, files in self.files.items()}
        train = sources[TRAIN].feature_names
        for split, source in sources.items():
            if not source.has_labels:
                raise _no_labels(source)
            names = source.feature_names
            if len(names) != len(train):
                odd = sorted(set(names) ^ set(train))
                more = ", ..." if len(odd) > 3 else ""
                raise BadInput(
                    f"{source.files[0]}: {counted(len(names), 'feature')} where train has {len(train):,} "
                    f"({', '.join(odd[:3])}{more}); all splits of a feature set share one feature space: leave columns "
                    "out with [features] drop, or, where one holds the labels, name it with [features] label"
                )
            if set(names) == set(train):
                source.select(train)
            elif names != train:
                self.notices.append(
                    f"{split}: features are called {names[0]} ... {names[-1]} where train has {train[0]} ... "
                    f"{train[-1]}; matching them by order"
                )
            self.notices += source.notices
        return sources

    def _read(self, split: str, source: Source) -> tuple[pl.DataFrame, dict[str, Any]]:
        import polars as pl

        from workbench.features.writer import SplitWriter, share_blocks

        config = self.config.features
        target = self.folder / f"{split}.npy"
        as_it_is = self._as_it_is(source)
        in_place = as_it_is if config.in_place else None
        there = in_place is not None or (as_it_is is not None and share_blocks(as_it_is, target))
        drop = config.non_finite == "drop"
        others: list[pl.DataFrame] = []
        expected = source.estimated_rows()
        size = sum(path.stat().st_size for path in source.files)
        rows = max(256, BATCH_VALUES // max(1, len(source.feature_names)))
        with SplitWriter(target, source.feature_names, config.dtype, drop, write=not there) as out:
            for batch in source.batches(rows):
                if self.cancelled():
                    raise Cancelled("reading was stopped; nothing was stored")
                mask = out.add(batch.features)
                others.append(batch.others if mask is None or not drop else batch.others.filter(pl.Series(mask)))
                share = min(1.0, out.read_rows / expected) if expected else 0.5
                self._tell(split, out.read_rows, int(self.done_bytes + share * size))
        if not out.read_rows:
            raise BadInput(f"{source.files[0]}: no rows; is the file complete?")
        self._judge_bad(source, out.bad_cells, out.bad_rows, out.first_bad, out.rows, drop)
        self.done_bytes += size
        self._tell(split, out.rows, self.done_bytes)
        np.save(self.folder / f"{split}.range.npy", np.stack([out.low, out.high]))
        info: dict[str, Any] = {
            "dropped_rows": out.read_rows - out.rows,
            "in_place": str(in_place) if in_place else "",
            "rounding_error": out.rounding_error,
        }
        return pl.concat(others, how="vertical_relaxed"), info

    def _tell(self, split: str, rows: int, done: int) -> None:
        self.progress(IngestProgress(split, rows, done, self.total_bytes, time.monotonic() - self.started))

    def _as_it_is(self, source: Source) -> Path | None:
        """The one .npy file that holds just what the store would; a notice when the user counted on that."""
        config = self.config.features
        file = source.files[0]
        if file.suffix == ".npy" and len(source.files) == 1 and config.non_finite != "drop":
            array = np.load(file, mmap_mode="r", allow_pickle=False)
            width = len(source.feature_names)
            if array.dtype == config.dtype and array.flags.c_contiguous and array.shape[1] == width:
                return file.resolve()
        if config.in_place:
            self.notices.append(
                f"{file}: cannot be used in place (requires one .npy file, C order, {config.dtype}); copied"
            )
        return None

    def _judge_bad(
        self, source: Source, cells: int, rows: int, first: list[tuple[int, str, float]], left: int, drop: bool
    ) -> None:
        if not cells:
            return
        shown = "; ".join(f"{source.where(row)}, column {name!r}: {value}" for row, name, value in first)
        more = " ..." if cells > len(first) else ""
        if not drop:
            raise BadInput(
                f"{source.files[0]}: {_bad(cells, rows)}: {shown}{more}; "
                'fix them, or drop those rows with ingest --non-finite drop (or [features] non_finite = "drop")'
            )
        if not left:
            raise BadInput(f"{source.files[0]}: every row has a missing, NaN or infinite value: {shown}{more}")
        left_out = counted(rows, "row")
        self.notices.append(
            f"{source.files[0].name}: dropped {left_out} with missing, NaN or infinite values: {shown}{more}"
        )

    def _labels(self, frame: pl.DataFrame, source: Source, split: str) -> pl.Series:
        from workbench.features.labels import clean_labels, labels_from_paths

        file = str(source.files[0])
        if "label" in frame.columns:
            return clean_labels(frame["label"], file)
        if "path" in frame.columns:
            labels = labels_from_paths(frame["path"], file)
            self.notices.append(
                f"{split}: no label column; taking labels from the folders in the paths, e.g. {labels[0]!r}"
            )
            return labels
        raise _no_labels(source)

    def _classes(self, labels: pl.Series) -> ClassTable:
        from workbench.features.labels import ClassTable

        name = self.config.classes.names
        return ClassTable.make(labels, self.workspace.path(name) if name else None, str(self.files[TRAIN][0]))

    def _write_rest(
        self,
        split: str,
        source: Source,
        frame: pl.DataFrame,
        indices: np.ndarray,
        classes: ClassTable,
        info: dict[str, Any],
    ) -> SplitInfo:
        import polars as pl

        paths = (
            frame["path"].cast(pl.String)
            if "path" in frame.columns
            else pl.Series("path", [None], pl.String).new_from_index(0, len(frame))
        )
        roles = ("label", "path")
        rest = frame.select([name for name in frame.columns if name not in roles])
        table = pl.DataFrame({"label": pl.Series(indices, dtype=pl.Int32), "path": paths}).hstack(rest)
        table = self._join_metadata(split, table)
        table.write_parquet(
            self.folder / f"{split}.parquet", compression="zstd", compression_level=1, row_group_size=65_536
        )
        return SplitInfo(
            name=split,
            rows=len(table),
            class_counts=np.bincount(indices, minlength=len(classes.values)).tolist(),
            files=[str(path) for path in source.files],
            metadata=[name for name in table.columns if name not in roles],
            **info,
        )

    def _join_metadata(self, split: str, table: pl.DataFrame) -> pl.DataFrame:
        """The sidecar's columns beside the samples whose path it holds; null elsewhere."""
        import polars as pl

        from workbench.features.columns import PATH_NAMES

        name = self.config.metadata.file
        if not name or table["path"].null_count() == len(table):
            return table
        file = self.workspace.path(name)
        try:
            sidecar = (
                pl.read_parquet(file) if file.suffix == ".parquet" else pl.read_csv(file, infer_schema_length=None)
            )
        except (OSError, pl.exceptions.PolarsError) as error:
            raise BadInput(f"{file}: the metadata file cannot be read: {str(error).splitlines()[0]}") from None
        key = next((column for column in sidecar.columns if column.lower() in PATH_NAMES), None)
        if key is None:
            raise BadInput(f"{file}: no path column to join on; its columns are {', '.join(sidecar.columns)}")
        new = [column for column in sidecar.columns if column != key and column not in table.columns]
        if sidecar[key].is_duplicated().any():
            repeated = sidecar.filter(sidecar[key].is_duplicated())[key][0]
            raise BadInput(f"{file}: path {repeated!r} occurs more than once; paths must be unique")
        sidecar = sidecar.select(pl.col(key).cast(pl.String).alias("path"), *new)
        matched = table["path"].is_in(sidecar["path"].implode()).sum()
        if matched:
            table = table.join(sidecar, on="path", how="left", maintain_order="left")
        if 0 < matched < len(table):
            self.notices.append(
                f"{split}: {file.name} knows {matched} of {len(table)} samples; the others have missing values"
            )
        return table


def _bad(cells: int, rows: int) -> str:
    verb = "is" if cells == 1 else "are"
    return f"{counted(cells, 'value')} in {counted(rows, 'row')} {verb} missing, NaN or infinite"


def _no_labels(source: Source) -> BadInput:
    file = source.files[0]
    if file.suffix == ".npy":
        return BadInput(f"{file}: no labels; save them next to it as {file.name.removesuffix('.npy')}_labels.npy")
    return BadInput(f'{file}: no label column; name it "label", or set [features] label = "..." in {CONFIG}')
