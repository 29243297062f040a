"""Readers of feature files: each turns the files of one split into batches of features and of everything else.

A reader is a class with `suffixes` in `READERS`; adding a format is adding one.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl

from workbench.errors import BadInput
from workbench.features.columns import Roles, Wishes, find_roles

HEAD_ROWS = 200


@dataclass(frozen=True)
class Batch:
    """`features`: float `[n, D]`, C order. `others`: n rows of `label`, `path` (where present) and metadata."""

    features: np.ndarray
    others: pl.DataFrame


class Source(ABC):
    """The files of one split, ready to be read batch by batch in file order."""

    suffixes: ClassVar[tuple[str, ...]]
    feature_names: list[str]
    notices: list[str]
    metadata: list[str]

    def __init__(self, files: Sequence[Path], wishes: Wishes) -> None:
        self.files = list(files)
        self.wishes = wishes
        self.notices = []
        self.metadata = []

    @abstractmethod
    def batches(self, rows: int) -> Iterator[Batch]:
        """Batches of at most `rows` rows."""

    @abstractmethod
    def estimated_rows(self) -> int:
        """How many rows to expect, for the progress bar."""

    @property
    @abstractmethod
    def has_labels(self) -> bool:
        """Whether there are labels, or paths to take them from."""

    def select(self, names: list[str]) -> None:
        """Read the features in this order; raises BadInput when one is missing."""
        if names != self.feature_names:
            raise BadInput(f"{self.files[0]}: its features cannot be put into train's order")

    def where(self, row: int) -> str:
        """`file, row N` for a row of the split, with the line where the file has lines."""
        return (
            f"{self.files[0]}: row {row}" if len(self.files) == 1 else f"{self.files[0].parent}: row {row} of the split"
        )


class TableSource(Source):
    """CSV, Parquet and Arrow: columns with names, read by Polars' streaming engine."""

    def __init__(self, files: Sequence[Path], wishes: Wishes) -> None:
        super().__init__(files, wishes)
        first = str(self.files[0])
        try:
            self.schema = self._schema(self.files[0])
            head = self._head(self.files[0])
        except (pl.exceptions.PolarsError, OSError) as error:
            raise BadInput(f"{first}: cannot be read as {self.files[0].suffix.lstrip('.')}: {_short(error)}") from None
        if not head.height:
            raise BadInput(f"{first}: no rows; is the file complete?")
        self.roles: Roles = find_roles(self.schema, head, wishes, first)
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
            raise BadInput(f"{file}: cannot be read: {_short(error)}") from None
        if names != list(self.schema):
            odd = sorted(set(names) ^ set(self.schema)) or ["their order"]
            raise BadInput(f"{file}: its columns differ from those of {self.files[0].name}: {', '.join(odd[:5])}")

    def select(self, names: list[str]) -> None:
        missing = [name for name in names if name not in self.feature_names]
        if missing:
            super().select(names)
        self.feature_names = list(names)

    def batches(self, rows: int) -> Iterator[Batch]:
        roles = self.roles
        others = [name for name in (roles.label, roles.path) if name is not None] + self.metadata
        renamed = {old: new for old, new in ((roles.label, "label"), (roles.path, "path")) if old is not None}
        features = [roles.vector] if roles.vector else self.feature_names
        frame = self._scan(self.files)
        if not roles.vector:
            frame = frame.with_columns(pl.col(name).cast(pl.Float32) for name in features if self._needs_cast(name))
        frame = frame.select([*features, *others])
        try:
            for part in frame.collect_batches(chunk_size=rows, maintain_order=True, lazy=True, engine="streaming"):
                columns = part.get_columns()  # select would build a thousand expressions for each batch
                rest = pl.DataFrame(columns[len(features) :]).rename(renamed)
                yield Batch(self._matrix(columns[: len(features)]), rest)
        except pl.exceptions.PolarsError as error:
            self._explain(error)
            raise BadInput(f"{self.files[0]}: cannot be read: {_short(error)}") from None

    def _needs_cast(self, name: str) -> bool:
        return self.schema[name] != pl.Float32

    def _matrix(self, features: list[pl.Series]) -> np.ndarray:
        if not self.roles.vector:
            return pl.DataFrame(features).to_numpy(order="c")
        column = features[0]
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
                f"{self.where(row)}, column {name!r}: {column[row]!r} is not a number; mend the cell, or leave the "
                f'column out with [features] drop = ["{name}"]'
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

    def __init__(self, files: Sequence[Path], wishes: Wishes) -> None:
        self._typed: dict[str, pl.DataType] | None = None
        for file in files:
            if file.stat().st_size == 0:
                raise BadInput(f"{file}: the file is empty; write it again or leave it out")
        super().__init__(files, wishes)
        typed = dict(self.schema)
        text = (self.roles.label, self.roles.path, *self.metadata)
        typed.update({name: pl.Float32() for name in self.feature_names})
        typed.update({name: pl.String() for name in text if name is not None and not typed[name].is_numeric()})
        self._typed = typed

    def _schema(self, file: Path) -> pl.Schema:
        return pl.scan_csv(file, infer_schema_length=HEAD_ROWS).collect_schema()

    def _scan(self, files: Sequence[Path]) -> pl.LazyFrame:
        if self._typed is None:
            return pl.scan_csv(list(files), infer_schema_length=HEAD_ROWS)
        return pl.scan_csv(list(files), schema=self._typed)

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


FEATURE_KEYS = ("features", "feats", "x", "embeddings", "data")
LABEL_KEYS = ("labels", "label", "y", "targets", "target")
PATH_KEYS = ("paths", "path", "files", "filenames")


class ArraySource(Source):
    """Arrays without column names: a matrix of features, a vector of labels and, where there are, paths."""

    def __init__(self, files: Sequence[Path], wishes: Wishes) -> None:
        super().__init__(files, wishes)
        try:
            self.parts = [self._load(file) for file in self.files]
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise BadInput(
                f"{self.files[0]}: cannot be read as {self.files[0].suffix.lstrip('.')}: {_short(error)}"
            ) from None
        for file, (features, labels, _) in zip(self.files, self.parts, strict=True):
            self._check(file, features, labels)
        self.columns = self.parts[0][0].shape[1]
        from workbench.features.columns import pick

        names = [f"f{i}" for i in range(self.columns)]
        self.feature_names = pick(names, wishes.keep, wishes.drop, str(self.files[0]))
        self.chosen = None if self.feature_names == names else [names.index(name) for name in self.feature_names]

    @property
    def has_labels(self) -> bool:
        return all(labels is not None or paths is not None for _, labels, paths in self.parts)

    @abstractmethod
    def _load(self, file: Path) -> tuple[Any, np.ndarray | None, list[str] | None]:
        """Features (`[n, D]`, sliceable), labels (`[n]`) and paths of one file."""

    def _check(self, file: Path, features: Any, labels: np.ndarray | None) -> None:
        if len(features.shape) != 2 or 0 in features.shape:
            raise BadInput(
                f"{file}: features of shape {tuple(features.shape)}; expected [rows, features], none of them 0"
            )
        if features.shape[1] != self.parts[0][0].shape[1]:
            raise BadInput(
                f"{file}: {features.shape[1]} features where {self.files[0].name} has {self.parts[0][0].shape[1]}"
            )
        if labels is not None and labels.shape != (features.shape[0],):
            raise BadInput(f"{file}: labels of shape {labels.shape} for {features.shape[0]} rows of features")

    def estimated_rows(self) -> int:
        return sum(part[0].shape[0] for part in self.parts)

    def batches(self, rows: int) -> Iterator[Batch]:
        for features, labels, paths in self.parts:
            for start in range(0, features.shape[0], rows):
                stop = min(start + rows, features.shape[0])
                chunk = _float_array(features[start:stop])
                chunk = np.ascontiguousarray(chunk if self.chosen is None else chunk[:, self.chosen])
                others: dict[str, Any] = {}
                if labels is not None:
                    others["label"] = labels[start:stop]
                if paths is not None:
                    others["path"] = paths[start:stop]
                yield Batch(chunk, pl.DataFrame(others))

    @staticmethod
    def from_mapping(file: Path, found: Any) -> tuple[Any, np.ndarray | None, list[str] | None]:
        """Features, labels and paths by the usual key names; raises BadInput when no features are among them."""
        keys = {str(key).lower(): key for key in found}

        def get(names: Sequence[str]) -> Any:
            key = next((keys[name] for name in names if name in keys), None)
            return None if key is None else found[key]

        features, labels, paths = get(FEATURE_KEYS), get(LABEL_KEYS), get(PATH_KEYS)
        if features is None:
            raise BadInput(f"{file}: no features among {', '.join(keys) or 'nothing'}; call them {FEATURE_KEYS[0]!r}")
        return (
            features,
            None if labels is None else np.asarray(labels),
            None if paths is None else [str(p) for p in paths],
        )


class NpySource(ArraySource):
    """`train.npy` with its labels beside it in `train_labels.npy`, and any paths in `train_paths.txt`."""

    suffixes = (".npy",)

    def _load(self, file: Path) -> tuple[Any, np.ndarray | None, list[str] | None]:
        features: Any = np.load(file, mmap_mode="r", allow_pickle=False)
        if features.ndim == 2 and features.flags.c_contiguous:
            features = _FileRows(file, features)
        labels = next((np.load(other, allow_pickle=False) for other in companions(file, "labels", ".npy")), None)
        paths = next(
            (other.read_text(encoding="utf-8").splitlines() for other in companions(file, "paths", ".txt")), None
        )
        return features, labels, paths


class _FileRows:
    """Rows of a C-order .npy, read rather than mapped: a map faults page by page and counts as memory in use."""

    def __init__(self, file: Path, mapped: np.memmap) -> None:
        self.file = file
        self.shape = mapped.shape
        self.dtype = mapped.dtype
        self.offset = mapped.offset

    def __getitem__(self, rows: slice) -> np.ndarray:
        width = self.shape[1]
        start = self.offset + rows.start * width * self.dtype.itemsize
        count = (rows.stop - rows.start) * width
        return np.fromfile(self.file, self.dtype, count, offset=start).reshape(-1, width)


class NpzSource(ArraySource):
    """`.npz` with the arrays `features`, `labels` and, where there are, `paths`."""

    suffixes = (".npz",)

    def _load(self, file: Path) -> tuple[Any, np.ndarray | None, list[str] | None]:
        with np.load(file, allow_pickle=False) as archive:
            return self.from_mapping(file, {name: archive[name] for name in archive.files})


class SafetensorsSource(ArraySource):
    """`.safetensors` with the tensors `features` and `labels`."""

    suffixes = (".safetensors",)

    def _load(self, file: Path) -> tuple[Any, np.ndarray | None, list[str] | None]:
        from safetensors import SafetensorError, safe_open

        try:
            opened: Any = safe_open(str(file), framework="np")
        except SafetensorError as error:
            raise ValueError(error) from None
        keys = {name.lower(): name for name in opened.keys()}  # noqa: SIM118 - safe_open is not iterable
        name = next((keys[key] for key in FEATURE_KEYS if key in keys), None)
        if name is None:
            raise BadInput(f"{file}: no features among {', '.join(keys)}; call them {FEATURE_KEYS[0]!r}")
        label = next((keys[key] for key in LABEL_KEYS if key in keys), None)
        return _Slices(opened.get_slice(name)), None if label is None else opened.get_tensor(label), None


class _Slices:
    """A tensor of a safetensors file that is read slice by slice."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor
        self.shape = tuple(tensor.get_shape())

    def __getitem__(self, rows: slice) -> np.ndarray:
        out: np.ndarray = self.tensor[rows.start : rows.stop]
        return out


class PtSource(ArraySource):
    """`.pt` holding tensors alone: a dict with `features` and `labels`, or the pair of them."""

    suffixes = (".pt",)

    def _load(self, file: Path) -> tuple[Any, np.ndarray | None, list[str] | None]:
        import pickle

        import torch

        try:
            found = torch.load(file, weights_only=True, map_location="cpu", mmap=True)
        except pickle.UnpicklingError:
            raise BadInput(
                f"{file}: holds more than tensors; save {{'features': ..., 'labels': ...}} of tensors"
            ) from None
        if isinstance(found, tuple | list) and len(found) == 2:
            found = {"features": found[0], "labels": found[1]}
        if not isinstance(found, dict):
            raise BadInput(f"{file}: holds a {type(found).__name__}; save {{'features': ..., 'labels': ...}}")
        return self.from_mapping(file, found)


READERS: tuple[type[Source], ...] = (
    CsvSource, ParquetSource, ArrowSource, NpySource, NpzSource, SafetensorsSource, PtSource,
)  # fmt: skip


def companions(file: Path, what: str, suffix: str) -> list[Path]:
    """Files beside a `.npy` that hold its labels or paths: `x_labels`, `x.labels`, `x-labels`, ..."""
    stem = file.name.removesuffix(".npy")
    names = [f"{stem}_{what}", f"{stem}.{what}", f"{stem}-{what}"]
    names += [stem.replace(word, what) for word in ("features", "feats", "embeddings") if word in stem]
    return [path for name in names if (path := file.with_name(name + suffix)).is_file()]


def open_source(files: Sequence[Path], wishes: Wishes) -> Source:
    """The reader for these files; raises BadInput for a suffix that none reads, or several kinds in one split."""
    kinds = {next((r for r in READERS if file.name.lower().endswith(r.suffixes)), None) for file in files}
    if None in kinds or len(kinds) != 1:
        names = ", ".join(file.name for file in files[:5])
        if None in kinds:
            known = ", ".join(suffix for reader in READERS for suffix in reader.suffixes)
            raise BadInput(f"{files[0].parent}: {names}: not a kind of file that is read here (known: {known})")
        raise BadInput(f"{files[0].parent}: {names}: one split is of one kind of file")
    reader = kinds.pop()
    assert reader is not None
    return reader(files, wishes)


def _float_array(chunk: Any) -> np.ndarray:
    if not isinstance(chunk, np.ndarray):
        chunk = chunk.float().numpy()  # a torch tensor, bfloat16 included
    out: np.ndarray = chunk if chunk.dtype in (np.float32, np.float64) else chunk.astype(np.float32)
    return out


def _short(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]
