"""Labels as the files have them -> class indices, and the classes' names."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import polars as pl

from workbench.errors import BadInput
from workbench.text import counted

Value = int | str


def clean_labels(column: pl.Series, file: str) -> pl.Series:
    """Labels as Int64 where every one is a whole number, else as String; raises BadInput for a missing label."""
    if column.dtype in (pl.Categorical, pl.Enum, pl.Binary, pl.Boolean):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        column = column.str.strip_chars()
        column = column.replace("", None)
    missing = column.is_null() | (column.is_nan() if column.dtype.is_float() else pl.Series([False]))
    if missing.any():
        rows = missing.arg_true()
        raise BadInput(
            f"{file}: no label in {counted(len(rows), 'row')}, the first is row {rows[0]}; label or remove them"
        )
    if column.dtype.is_integer():
        return column.cast(pl.Int64)
    numbers = column.cast(pl.Float64, strict=False)
    if not numbers.is_null().any() and numbers.is_finite().all() and (numbers == numbers.round()).all():
        return numbers.cast(pl.Int64)
    if column.dtype.is_float():
        row = int((numbers != numbers.round()).arg_max() or 0)
        raise BadInput(
            f"{file}: row {row}: label {column[row]} is neither a whole number nor a name; is this the label column?"
        )
    return column


def labels_from_paths(paths: pl.Series, file: str) -> pl.Series:
    """The folder that holds each file, as its label (`n01440764/x.jpg`); raises BadInput when a path has no folder."""
    parents = paths.cast(pl.String).str.replace_all("\\", "/", literal=True).str.extract("^(.*)/[^/]+/*$")
    names = {parent: PurePosixPath(parent).name or None for parent in parents.unique().drop_nulls()}
    folders = parents.replace_strict(names, return_dtype=pl.String).alias("label")
    if folders.null_count():
        row = int(folders.is_null().arg_max() or 0)
        raise BadInput(
            f"{file}: no label column, and row {row} has no folder in its path {paths[row]!r} to take it from; name "
            "the column with [features] label"
        )
    return folders


class ClassTable:
    """The classes of a feature set: the labels that train holds, in order, with a name each."""

    def __init__(self, values: list[int | str], names: list[str]) -> None:
        self.values = values
        self.names = names

    @classmethod
    def make(cls, train: pl.Series, file: Path | None, where: str) -> ClassTable:
        """Classes from train's labels, ordered by the classes file where it knows them, else sorted.

        Raises BadInput when train holds one class only or the file has no name for a label of train.
        """
        seen = train.unique().sort().to_list()
        if len(seen) < 2:
            raise BadInput(
                f"{where}: one class only ({seen[0]!r}); a head needs at least two; is this the label column?"
            )
        if file is None:
            return cls(seen, [str(value) for value in seen])
        order = read_classes(file, seen)
        missing = [value for value in seen if value not in order]
        if missing:
            raise BadInput(
                f"{file}: has no name for label {missing[0]!r} of {where} ({counted(len(missing), 'label')} missing)"
            )
        present = set(seen)
        values = [value for value in order if value in present]
        return cls(values, [order[value] for value in values])

    def indices(self, labels: pl.Series, where: str) -> np.ndarray:
        """Class indices (int64 `[rows]`); raises BadInput for a label that train does not have, naming its row."""
        if isinstance(self.values[0], str) and labels.dtype != pl.String:
            labels = labels.cast(pl.String)
        if isinstance(self.values[0], int) and labels.dtype == pl.String:
            raise BadInput(f"{where}: label {labels[0]!r} is a name where train's labels are whole numbers")
        lookup = pl.DataFrame(
            {"label": self.values, "index": range(len(self.values))}, schema_overrides={"label": labels.dtype}
        )
        found = pl.DataFrame({"label": labels}).join(lookup, on="label", how="left", maintain_order="left")["index"]
        if found.null_count():
            row = int(found.is_null().arg_max() or 0)
            unknown = labels.filter(found.is_null())
            raise BadInput(
                f"{where}: row {row}: label {labels[row]!r} is unknown to train ({counted(len(unknown), 'row')} with "
                f"{counted(unknown.n_unique(), 'such label')}); remove them, or add those classes to train"
            )
        indices: np.ndarray = found.to_numpy().astype(np.int64)
        return indices


def read_classes(file: Path, seen: list[Value]) -> dict[Value, str]:
    """The classes file as label -> name, in its order.

    One name per line: line i names class i or, if train's labels are those names, is the label itself. CSV: a column
    `label` and a column `name`; if train's labels are in another column (`wnid`), that column is the label.
    """
    try:
        if file.suffix.lower() != ".csv":
            lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
            if isinstance(seen[0], str):
                return {line: line for line in lines}
            return dict(enumerate(lines))
        table = pl.read_csv(file, infer_schema=False)
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        raise BadInput(f"{file}: the classes file cannot be read: {error}") from None
    columns = {name.strip().lower(): name for name in table.columns}
    if "name" not in columns or len(columns) < 2:
        raise BadInput(f"{file}: expected the columns label,name; its columns are {', '.join(table.columns)}")
    names = table[columns["name"]].to_list()
    for column in ["label", *columns]:
        if column in columns and column != "name":
            keys = table[columns[column]].str.strip_chars().to_list()
            typed: list[Value] = [
                int(key) if isinstance(seen[0], int) and str(key).lstrip("-").isdigit() else key for key in keys
            ]
            if set(seen) <= set(typed):
                return {key: str(name if name is not None else key) for key, name in zip(typed, names, strict=True)}
    if "label" not in columns:
        raise BadInput(f"{file}: no column contains train's labels ({seen[0]!r}, ...)")
    keys = table[columns["label"]].to_list()
    return {
        (int(key) if isinstance(seen[0], int) and str(key).lstrip("-").isdigit() else key): str(name)
        for key, name in zip(keys, names, strict=True)
    }


def unsort_text(indices: np.ndarray, classes: int) -> np.ndarray:
    """Undo a numbering of folders sorted as text (0, 1, 10, 100, ...): index k denotes the k-th such folder."""
    order: np.ndarray = np.array(sorted(range(classes), key=str), dtype=np.int64)[indices]
    return order
