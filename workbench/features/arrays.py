"""Readers of arrays, .npy, .npz, .safetensors and .pt: features, labels and, where there are any, paths."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from workbench.errors import BadInput
from workbench.features.columns import ColumnOptions, pick
from workbench.features.source import Batch, Source, short

FEATURE_KEYS = ("features", "feats", "x", "embeddings", "data")
LABEL_KEYS = ("labels", "label", "y", "targets", "target")
PATH_KEYS = ("paths", "path", "files", "filenames")


class ArraySource(Source):
    """Arrays without column names: a matrix of features, a vector of labels and, where there are, paths."""

    def __init__(self, files: Sequence[Path], options: ColumnOptions) -> None:
        super().__init__(files, options)
        try:
            self.parts = [self._load(file) for file in self.files]
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise BadInput(
                f"{self.files[0]}: cannot be read as {self.files[0].suffix.lstrip('.')}: {short(error)}"
            ) from None
        for file, (features, labels, _) in zip(self.files, self.parts, strict=True):
            self._check(file, features, labels)
        self.columns = self.parts[0][0].shape[1]
        names = [f"f{i}" for i in range(self.columns)]
        self.feature_names = pick(names, options.keep, options.drop, str(self.files[0]))
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
                f"{file}: features of shape {tuple(features.shape)}; expected [rows, features], at least one of each"
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
    def from_mapping(file: Path, content: Any) -> tuple[Any, np.ndarray | None, list[str] | None]:
        """Features, labels and paths by the usual key names; raises BadInput when no features are among them."""
        keys = {str(key).lower(): key for key in content}

        def get(names: Sequence[str]) -> Any:
            key = next((keys[name] for name in names if name in keys), None)
            return None if key is None else content[key]

        features, labels, paths = get(FEATURE_KEYS), get(LABEL_KEYS), get(PATH_KEYS)
        if features is None:
            raise BadInput(
                f"{file}: no features among {', '.join(keys) or 'nothing'}; name the array {FEATURE_KEYS[0]!r}"
            )
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
            raise BadInput(f"{file}: no features among {', '.join(keys)}; name the array {FEATURE_KEYS[0]!r}")
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
            content = torch.load(file, weights_only=True, map_location="cpu", mmap=True)
        except pickle.UnpicklingError:
            raise BadInput(
                f"{file}: contains objects other than tensors; save {{'features': ..., 'labels': ...}} of tensors"
            ) from None
        if isinstance(content, tuple | list) and len(content) == 2:
            content = {"features": content[0], "labels": content[1]}
        if not isinstance(content, dict):
            raise BadInput(f"{file}: contains a {type(content).__name__}; save {{'features': ..., 'labels': ...}}")
        return self.from_mapping(file, content)


def companions(file: Path, what: str, suffix: str) -> list[Path]:
    """Files beside a `.npy` that hold its labels or paths: `x_labels`, `x.labels`, `x-labels`, ..."""
    stem = file.name.removesuffix(".npy")
    names = [f"{stem}_{what}", f"{stem}.{what}", f"{stem}-{what}"]
    names += [stem.replace(word, what) for word in ("features", "feats", "embeddings") if word in stem]
    return [path for name in names if (path := file.with_name(name + suffix)).is_file()]


def _float_array(chunk: Any) -> np.ndarray:
    if not isinstance(chunk, np.ndarray):
        chunk = chunk.float().numpy()  # a torch tensor, bfloat16 included
    out: np.ndarray = chunk if chunk.dtype in (np.float32, np.float64) else chunk.astype(np.float32)
    return out
