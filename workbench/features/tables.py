"""Readers of tables, CSV, Parquet and Arrow: columns with names, through Polars' streaming engine."""

from __future__ import annotations

import itertools
import re
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from workbench.errors import BadInput
from workbench.features.columns import ColumnOptions, Roles, find_roles, metadata_name
from workbench.features.source import Batch, Source, short

HEAD_ROWS = 200


class TableSource(Source):
    """CSV, Parquet and Arrow: columns with names, read by Polars' streaming engine."""

    def __init__(self, files: Sequence[Path], options: ColumnOptions) -> None:
        super().__init__(files, options)
        first = str(self.files[0])
        try:
            self.schema = self._schema(self.files[0])
            head = self._head(self.files[0])
        except (pl.exceptions.PolarsError, OSError) as error:
            raise BadInput(f"{first}: cannot be read as {self.files[0].suffix.lstrip('.')}: {short(error)}") from None
        if not head.height:
            raise BadInput(f"{first}: no rows; is the file complete?")
        self.roles: Roles = find_roles(self.schema, head, options, first)
        self.feature_names = list(self.roles.features)
        self.metadata = list(self.roles.metadata)
        self.notices += self.roles.notices
        for file in self.files[1:]:
            self._same_columns(file)
        if self.roles.vector:
            column = head[self.roles.vector]
            width = len(column[0]) if column[0] is not None else 0
            self.feature_names = [f"{self.roles.vector}{i}" for i in range(width)]
        for name in self.feature_names if not self.roles.vector else []:
            if self.schema[name] == pl.String:
                self._refuse_text(name, head[name])

    @property
    def has_labels(self) -> bool:
        return self.roles.label is not None or self.roles.path is not None

    @abstractmethod
    def _schema(self, file: Path) -> pl.Schema: ...

    @abstractmethod
    def _scan(self, files: Sequence[Path]) -> pl.LazyFrame: ...

    def _head(self, file: Path) -> pl.DataFrame:
        return self._scan([file]).head(HEAD_ROWS).collect()

    def _same_columns(self, file: Path) -> None:
        try:
            names = list(self._schema(file))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise BadInput(f"{file}: cannot be read: {short(error)}") from None
        if names != list(self.schema):
            odd = sorted(set(names) ^ set(self.schema)) or ["their order"]
            raise BadInput(f"{file}: its columns differ from those of {self.files[0].name}: {', '.join(odd[:5])}")

    def select(self, names: list[str]) -> None:
        if not set(names) <= set(self.feature_names):
            super().select(names)
        self.feature_names = list(names)

    def batches(self, rows: int) -> Iterator[Batch]:
        roles = self.roles
        others = {name: metadata_name(name) for name in self.metadata}
        others |= {old: new for old, new in ((roles.label, "label"), (roles.path, "path")) if old is not None}
        features = [roles.vector] if roles.vector else self.feature_names
        frame = self._scan(self.files)
        if not roles.vector:
            frame = frame.with_columns(pl.col(name).cast(pl.Float32) for name in features if self._needs_cast(name))
        if [name for name in self.schema if name not in others] != features:
            frame = frame.select([*features, *others])
        try:
            for part in frame.collect_batches(chunk_size=rows, maintain_order=True, lazy=True, engine="streaming"):
                # Taken out in place, since select and slices make a thousand Python objects for each batch.
                rest = pl.DataFrame({new: part.drop_in_place(old) for old, new in others.items()})
                yield Batch(self._matrix(part), rest)
        except pl.exceptions.PolarsError as error:
            self._explain(error)
            raise BadInput(f"{self.files[0]}: cannot be read: {short(error)}") from None

    def _needs_cast(self, name: str) -> bool:
        return self.schema[name] != pl.Float32

    def _matrix(self, features: pl.DataFrame) -> np.ndarray:
        if not self.roles.vector:
            return features.to_numpy(order="fortran")  # nearly free: its columns as they are
        column = features.to_series()
        lengths = column.arr.len() if isinstance(column.dtype, pl.Array) else column.list.len()
        width = len(self.feature_names)
        wrong = (lengths.fill_null(0) != width).arg_true()
        if len(wrong):
            row = int(wrong[0])
            raise BadInput(
                f"{self.files[0]}: column {column.name!r} has {lengths[row]} values where the first row has {width}"
            )
        return column.explode().cast(pl.Float32).to_numpy().reshape(len(column), width)

    def _refuse_text(self, name: str, column: pl.Series | None = None) -> None:
        """Raise BadInput for the first cell of a feature column that is not a number."""
        if column is None or not self._bad_cells(column).any():
            column = self._text_column(name)
        bad = self._bad_cells(column)
        if bad.any():
            row = int(bad.arg_max() or 0)
            raise BadInput(
                f"{self.where(row)}, column {name!r}: {column[row]!r} is not a number; fix the cell, or drop the "
                f'column with [features] drop = ["{name}"]'
            )

    def _text_column(self, name: str) -> pl.Series:
        return self._scan(self.files).select(pl.col(name).cast(pl.String)).collect(engine="streaming")[name]

    @staticmethod
    def _bad_cells(column: pl.Series) -> pl.Series:
        return column.cast(pl.Float64, strict=False).is_null() & column.is_not_null()

    def _explain(self, error: Exception) -> None:
        """Raise BadInput for the bad cell behind a parse error, when it is one."""
        named = re.search(r"column '([^']*)'", str(error))
        names = [named.group(1)] if named and named.group(1) in self.feature_names else self.feature_names
        for name in names:
            self._refuse_text(name)


class CsvSource(TableSource):
    """CSV, plain or compressed."""

    suffixes = (".csv", ".csv.gz", ".csv.zst")

    def __init__(self, files: Sequence[Path], options: ColumnOptions) -> None:
        self._typed: dict[str, pl.DataType] | None = None
        for file in files:
            if file.stat().st_size == 0:
                raise BadInput(f"{file}: the file is empty; write it again or remove it")
        super().__init__(files, options)
        typed = dict(self.schema)
        text = (self.roles.label, self.roles.path, *self.metadata)
        typed.update({name: pl.Float32() for name in self.feature_names})
        typed.update({name: pl.String() for name in text if name is not None and not typed[name].is_numeric()})
        self._typed = typed

    def _schema(self, file: Path) -> pl.Schema:
        return pl.scan_csv(file, infer_schema_length=HEAD_ROWS).collect_schema()

    def _scan(self, files: Sequence[Path]) -> pl.LazyFrame:
        return pl.scan_csv(list(files), schema=self._typed or self.schema)

    def _head(self, file: Path) -> pl.DataFrame:
        """The first rows, from their lines alone where that is sure: a scan parses far more before it stops."""
        if file.suffix == ".csv":
            with file.open("rb") as handle:
                lines = b"".join(itertools.islice(handle, HEAD_ROWS + 1))
            if b'"' not in lines:  # a quoted cell may hold the end of a line
                return pl.read_csv(lines, schema=self.schema)
        return pl.scan_csv(file, schema=self.schema, n_rows=HEAD_ROWS).collect()

    def _needs_cast(self, name: str) -> bool:
        return False  # the parser already makes float32 of it

    def _text_column(self, name: str) -> pl.Series:
        return pl.scan_csv(self.files, infer_schema=False).select(name).collect(engine="streaming")[name]

    def where(self, row: int) -> str:
        line = f" (line {row + 2})" if len(self.files) == 1 else ""
        return super().where(row) + line

    def estimated_rows(self) -> int:
        with self.files[0].open("rb") as handle:
            sample = handle.read(1 << 20)
        lines = sample.count(b"\n")
        if self.files[0].suffix != ".csv" or lines < 2:
            return 0
        if len(sample) < 1 << 20 and len(self.files) == 1:
            return lines - 1
        return int(sum(file.stat().st_size for file in self.files) * lines / len(sample))


class ParquetSource(TableSource):
    """Parquet, numbers in columns or one list column."""

    suffixes = (".parquet",)

    def _schema(self, file: Path) -> pl.Schema:
        return pl.scan_parquet(file).collect_schema()

    def _scan(self, files: Sequence[Path]) -> pl.LazyFrame:
        return pl.scan_parquet(list(files))

    def estimated_rows(self) -> int:
        return int(self._scan(self.files).select(pl.len()).collect().item())


class ArrowSource(TableSource):
    """Arrow IPC, also called Feather version 2."""

    suffixes = (".arrow", ".feather", ".ipc")

    def _schema(self, file: Path) -> pl.Schema:
        return pl.scan_ipc(file).collect_schema()

    def _scan(self, files: Sequence[Path]) -> pl.LazyFrame:
        return pl.scan_ipc(list(files))

    def estimated_rows(self) -> int:
        return int(self._scan(self.files).select(pl.len()).collect().item())
