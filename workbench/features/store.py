"""The store: what ingest writes and everything else reads.

`.workbench/features/<fingerprint>/` holds for each split `<split>.npy` (C order, float32 or float16, `[rows, D]`),
`<split>.parquet` (label, path, metadata) and one `manifest.json`. Opening a store reads only the manifest; features
are mapped and tables read on first access.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from workbench import files
from workbench.errors import BadInput, choose
from workbench.workspace import is_test_name

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

MANIFEST = "manifest.json"
VERSION = 1  # of the store's layout; stores of other versions are ingested again
TRAIN = "train"


class SplitInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the manifest says of one split."""

    name: str
    rows: int
    class_counts: list[int]
    files: list[str]
    in_place: str = ""  # the .npy file used in place, if the user chose so
    metadata: list[str] = []
    dropped_rows: int = 0
    rounding_error: float = 0.0  # largest |stored - read| when the store's dtype is float16


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a store without touching its arrays."""

    version: int
    fingerprint: str
    created: str
    dim: int
    dtype: str
    feature_names: list[str]
    label_values: list[int | str]  # the label in the files of class 0, 1, ...
    class_names: list[str]
    splits: list[SplitInfo]
    notices: list[str] = []

    @property
    def rounding_error(self) -> float:
        """The largest |stored - read| of any split; 0 for a store in float32."""
        return max(info.rounding_error for info in self.splits)


class Split:
    """One split: features, labels and paths of its samples, in file order.

    `features`: memory-mapped `[rows, D]`, float32 (or float16 if configured). `labels`: int64 `[rows]`, class
    indices 0 to C - 1 in the order of `Store.label_values`.
    """

    def __init__(self, folder: Path, info: SplitInfo) -> None:
        self.info = info
        self.name = info.name
        self.rows = info.rows
        self._folder = folder

    def __repr__(self) -> str:
        return f"Split({self.name!r}, rows={self.rows})"

    @functools.cached_property
    def features(self) -> np.ndarray:
        import numpy as np

        # links are only refused for files made by the workbench; the user's own file may be a link
        path = Path(self.info.in_place) if self.info.in_place else files.regular(self._folder / f"{self.name}.npy")
        if self.info.in_place and not path.is_file():
            raise BadInput(
                f"{path}: the features of {self.name} were used in place, and the file no longer exists; ingest again"
            )
        mapped: np.ndarray = np.load(path, mmap_mode="r")
        return mapped

    @property
    def identity(self) -> tuple[str, str, int]:
        """The identity of these features: the store's fingerprint, the split's name, and when the array was
        written (ns since 1970), since a store may be made again from the same files."""
        path = Path(self.info.in_place) if self.info.in_place else self._folder / f"{self.name}.npy"
        return self._folder.name, self.name, path.stat().st_mtime_ns

    @functools.cached_property
    def labels(self) -> np.ndarray:
        import polars as pl

        labels: np.ndarray = self.frame.select(pl.col("label").cast(pl.Int64)).collect().to_series().to_numpy()
        return labels

    @functools.cached_property
    def paths(self) -> pl.Series:
        """The samples' paths (String, null where the files have none)."""
        return self.frame.select("path").collect().to_series()

    @functools.cached_property
    def range(self) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and the highest value of each feature (float32 `[D]` each)."""
        import numpy as np

        low, high = np.load(files.regular(self._folder / f"{self.name}.range.npy"))
        return low, high

    @property
    def frame(self) -> pl.LazyFrame:
        """`label` (class index), `path` and the metadata columns, one row a sample, in the order of `features`."""
        import polars as pl

        return pl.scan_parquet(files.regular(self._folder / f"{self.name}.parquet"))

    def sample(self, row: int) -> dict[str, Any]:
        """Label, path and metadata of one row; raises BadInput for a row the split does not have."""
        if not 0 <= row < self.rows:
            raise BadInput(f"split {self.name} has no row {row} (rows 0 to {self.rows - 1})")
        return self.frame.slice(row, 1).collect().row(0, named=True)


class FeatureSet(Protocol):
    """What a store and an analysis' context have in common."""

    @property
    def splits(self) -> Mapping[str, Split]: ...
    @property
    def classes(self) -> Sequence[str]: ...
    @property
    def feature_names(self) -> Sequence[str]: ...


class Store:
    """A feature set, read once and opened in milliseconds ever after."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.splits: Mapping[str, Split] = {info.name: Split(folder, info) for info in manifest.splits}

    @classmethod
    def open(cls, folder: Path) -> Store:
        """The store in `folder`; raises BadInput when its manifest cannot be read or names what no store holds."""
        try:
            manifest = msgspec.json.decode(files.read_bytes(files.folder(folder) / MANIFEST), type=Manifest)
        except (OSError, msgspec.DecodeError) as error:
            raise BadInput(f"{folder / MANIFEST}: cannot be read ({error}); remove {folder} and ingest again") from None
        names = [info.name for info in manifest.splits]
        wrong = next((name for name in names if name != TRAIN and not is_test_name(name)), None)
        if wrong is not None or TRAIN not in names or len(set(names)) != len(names):
            what = f"split {wrong!r}" if wrong is not None else f"splits {', '.join(names)}"
            raise BadInput(f"{folder / MANIFEST}: {what}: not valid in a store; remove {folder} and ingest again")
        return cls(folder, manifest)

    @property
    def fingerprint(self) -> str:
        return self.manifest.fingerprint

    @property
    def dim(self) -> int:
        """D, the number of features."""
        return self.manifest.dim

    @property
    def classes(self) -> list[str]:
        """The classes' names; index = class index."""
        return self.manifest.class_names

    @property
    def label_values(self) -> list[int | str]:
        """What the feature files call class 0, 1, ...; scripts get labels in these terms."""
        return self.manifest.label_values

    @property
    def feature_names(self) -> list[str]:
        return self.manifest.feature_names

    @property
    def train(self) -> Split:
        return self.splits[TRAIN]

    @property
    def tests(self) -> dict[str, Split]:
        """The test sets, in the order of the workspace file."""
        return {name: split for name, split in self.splits.items() if name != TRAIN}

    def split(self, name: str) -> Split:
        """A split by name; raises BadInput with the nearest spelling."""
        return self.splits[choose(name, self.splits, "split")]


class TrainingView:
    """The view given to training code: train and val, without access to a test set.

    `train_rows` and `val_rows` (int64, sorted) index `features` and `labels`; the cut is stratified by class and
    depends on the seed and the labels alone.
    """

    def __init__(self, store: Store, fraction: float, seed: int) -> None:
        split = store.train
        self.fingerprint = store.fingerprint
        self.features = split.features
        self.labels = split.labels
        self.dim = store.dim
        self.classes = list(store.classes)
        self.fraction = fraction
        self.seed = seed
        self.train_rows, self.val_rows = stratified_cut(self.labels, fraction, seed)


def stratified_cut(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of train and val: `fraction` of each class, rounded, goes to val.

    A class with two rows or more keeps at least one in train; with `fraction` > 0 and room for it, val gets at least
    one row of each class that has two or more. Sorted int64 arrays that together hold every row once.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels, minlength=1)
    val_counts = np.rint(counts * fraction).astype(np.int64)
    if fraction > 0:
        val_counts = np.clip(val_counts, np.minimum(counts - 1, 1).clip(0), (counts - 1).clip(0))
    starts = np.cumsum(counts) - counts
    place = np.arange(len(labels)) - np.repeat(starts, counts)
    in_val = place < np.repeat(val_counts, counts)
    return np.sort(by_class[~in_val]), np.sort(by_class[in_val])
