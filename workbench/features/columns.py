"""What each column of a feature file is: label, path, index, feature or metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from workbench.errors import BadInput, choose, nearest

LABEL_NAMES = (
    "label", "labels", "target", "targets", "y", "class", "class_id", "class_idx", "class_index", "classid",
    "label_id", "label_idx", "ground_truth", "gt", "wnid", "synset", "category", "class_name",
)  # fmt: skip
PATH_NAMES = (
    "path", "paths", "filepath", "file_path", "filename", "file_name", "file", "image_path", "img_path", "image",
    "img", "image_file",
)  # fmt: skip
INDEX_NAMES = ("", "Unnamed: 0", "__index_level_0__")  # as pandas writes an index into CSV and Parquet
NUMERIC_SHARE = 0.5  # a text column with more numbers than this is a feature with a bad cell


@dataclass(frozen=True)
class Roles:
    """The columns of a split by what they are; `vector` names the one list or array column that holds all features."""

    features: list[str]
    label: str | None
    path: str | None
    metadata: list[str]
    vector: str = ""
    notices: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ColumnOptions:
    """The columns set in the workspace file."""

    label: str | None = None
    path: str | None = None
    drop: Sequence[str] = ()
    keep: Sequence[str] = ()


def find_roles(schema: pl.Schema, head: pl.DataFrame, options: ColumnOptions, file: str) -> Roles:
    """Roles of the columns in `schema`, `head` being the first rows of the file.

    Raises BadInput for a named column that is not there and for a file without any feature.
    """
    names = list(schema)
    label = _named(options.label, names, LABEL_NAMES, f"{file}: label column")
    path = _named(options.path, names, PATH_NAMES, f"{file}: path column", schema)
    rest = [name for name in names if name not in (label, path)]
    notices = []
    for name in _index_columns(rest, head):
        rest.remove(name)
        notices.append(f"{file}: column {name!r} looks like an index written by pandas; dropped")
    aliases = [name for name in rest if label and name.strip().lower() in LABEL_NAMES]
    if aliases:
        kept_as = ", ".join(metadata_name(name) for name in aliases)
        notices.append(f"{file}: {kept_as} is kept as metadata, not as a feature, next to the label {label!r}")
        rest = [name for name in rest if name not in aliases]
    vectors = [name for name in rest if isinstance(schema[name], pl.List | pl.Array) and _inner_numeric(schema[name])]
    if vectors:
        if len(vectors) > 1:
            raise BadInput(f"{file}: several list columns ({', '.join(vectors)}); keep one with [features] drop")
        numbers: list[str] = []
        metadata = aliases + [name for name in rest if name not in vectors]
    else:
        numbers = [name for name in rest if schema[name].is_numeric() or _meant_as_number(head[name])]
        taken = set(numbers)
        metadata = aliases + [name for name in rest if name not in taken]
    features = pick(numbers, options.keep, options.drop, file) if numbers else []
    metadata = [name for name in metadata if name not in options.drop]
    if not features and not vectors:
        raise BadInput(f"{file}: no feature columns: no numeric column beside {', '.join(names[:8]) or 'nothing'}")
    return Roles(features, label, path, metadata, vectors[0] if vectors else "", notices)


def metadata_name(name: str) -> str:
    """What a column is called among the metadata, where `label` and `path` are the sample's own."""
    return f"file_{name}" if name in ("label", "path") else name


def _named(
    wanted: str | None, names: list[str], usual: Sequence[str], what: str, schema: pl.Schema | None = None
) -> str | None:
    if wanted is not None:
        return choose(wanted, names, f"{what} in [features]")
    lowered = {name.strip().lower(): name for name in reversed(names)}
    for candidate in usual:
        name = lowered.get(candidate)
        if name is not None and (schema is None or schema[name] in (pl.String, pl.Categorical, pl.Enum)):
            return name
    return None


def _index_columns(rest: list[str], head: pl.DataFrame) -> list[str]:
    columns = [name for name in rest if name in INDEX_NAMES]
    for name in rest:
        if name.lower() in ("index", "level_0") and head.height and head[name].dtype.is_integer():
            column = head[name].to_list()
            if column == list(range(len(column))):
                columns.append(name)
    return columns


def _inner_numeric(kind: pl.DataType) -> bool:
    inner = getattr(kind, "inner", None)
    return inner is not None and inner.is_numeric()


def _meant_as_number(column: pl.Series) -> bool:
    """A text column in which most cells are numbers, or in which nothing stands, is a feature with bad cells."""
    if column.dtype == pl.Null:
        return True
    if column.dtype != pl.String:
        return False
    filled = column.drop_nulls()
    numbers = filled.cast(pl.Float64, strict=False).is_not_null().sum()
    return numbers > NUMERIC_SHARE * len(filled) or not len(filled)


def pick(names: list[str], keep: Sequence[str], drop: Sequence[str], file: str) -> list[str]:
    """`names` less those dropped, or only those kept: each entry a name or a range `first..last` of file order."""
    chosen = list(names)
    if keep:
        selection = set(_expand(names, keep, f"{file}: [features] keep"))
        chosen = [name for name in names if name in selection]
    unwanted = set(_expand(names, drop, f"{file}: [features] drop", strict=False))
    return [name for name in chosen if name not in unwanted]


def _expand(names: list[str], entries: Sequence[str], what: str, strict: bool = True) -> list[str]:
    out: list[str] = []
    for entry in entries:
        if entry in names:
            out.append(entry)
        elif ".." in entry:
            first, last = (part.strip() for part in entry.split("..", 1))
            for end in (first, last):
                if end not in names:
                    raise BadInput(f"{what} {entry!r}: no feature {end!r}{nearest(end, names)}")
            low, high = sorted((names.index(first), names.index(last)))
            out += names[low : high + 1]
        elif strict:
            raise BadInput(f"{what}: no feature {entry!r}{nearest(entry, names)}")
    return out
