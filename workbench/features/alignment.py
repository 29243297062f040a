"""Do a test set's labels mean what train's mean? Compared by the nearest class mean of train."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.features.checks import Check
from workbench.features.labels import unsort_text
from workbench.features.store import TRAIN, FeatureSet, Split

TRAIN_ROWS = 100_000
TEST_ROWS = 2_000
CHUNK = 8_192


@dataclass(frozen=True)
class Alignment:
    """Fractions of `rows` samples whose label is the class of the nearest train class mean.

    `agreement`: with the labels as they are; `as_text`: with the labels as indices of the classes sorted as text
    (0, 1, 10, 100, ...); `train`: agreement of train itself; `chance`: 1 / classes.
    """

    split: str
    rows: int
    agreement: float
    as_text: float
    train: float
    chance: float

    @property
    def near_chance(self) -> bool:
        """Whether the labels say hardly more about the features than a guess would."""
        return self.agreement < self.chance + 0.25 * (self.train - self.chance)

    @property
    def corrected_as_text(self) -> bool:
        """Whether that one permutation restores the agreement."""
        return self.near_chance and self.as_text > self.chance + 0.5 * (self.train - self.chance)


def label_alignment(data: FeatureSet, seed: int = 0) -> list[Alignment]:
    """The alignment of each test set, by nearest class mean on features standardised by train.

    Means and scales come from at most 100,000 rows of train, agreements from at most 2,000 rows of each split, both
    drawn by `seed`. Nothing is fitted on a test row.
    """
    rng = np.random.default_rng(seed)
    means, scale = _class_means(data, rng)
    train_rows = _draw(data.splits[TRAIN], TEST_ROWS, rng)
    own = _agreement(data.splits[TRAIN], train_rows, means, scale, data.splits[TRAIN].labels[train_rows])
    alignments = []
    for split in data.splits.values():
        if split.name == TRAIN:
            continue
        rows = _draw(split, TEST_ROWS, rng)
        labels = split.labels[rows]
        alignments.append(
            Alignment(
                split.name,
                len(rows),
                _agreement(split, rows, means, scale, labels),
                _agreement(split, rows, means, scale, unsort_text(labels, len(data.classes))),
                own,
                1 / len(data.classes),
            )
        )
    return alignments


def alignment_checks(data: FeatureSet) -> list[Check]:
    """`label_alignment` as findings."""
    checks = []
    for test in label_alignment(data):
        saw = (
            f"{test.agreement:.1%} of {test.rows:,} samples have the label of the nearest train class mean "
            f"(train itself {test.train:.1%}, chance {test.chance:.1%})"
        )
        title = f"labels of {test.split}"
        if test.corrected_as_text:
            checks.append(
                Check(
                    "labels",
                    "error",
                    title,
                    f"{saw}; with class numbers sorted as text (0, 1, 10, 100, ...), {test.as_text:.1%}",
                    "folders sorted as text are a known pitfall of ImageNetV2; nearly every label is then wrong",
                    f'set labels_sorted_as_text = ["{test.split}"] under [features]; it is never applied automatically',
                )
            )
        elif test.near_chance:
            checks.append(
                Check(
                    "labels",
                    "error",
                    title,
                    saw,
                    "the labels hardly match the features: classes may be numbered differently, or rows shuffled",
                    "compare some samples with their labels on the Neighbours screen; check how labels were created",
                )
            )
        else:
            checks.append(Check("labels", "ok", title, saw))
    return checks


def _draw(split: Split, rows: int, rng: np.random.Generator) -> np.ndarray:
    drawn: np.ndarray = np.sort(rng.choice(split.rows, min(rows, split.rows), replace=False))
    return drawn


def _class_means(data: FeatureSet, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Standardised class means (float32 `[C, D]`, NaN for a class without a drawn row) and scales `[D]`."""
    rows = _draw(data.splits[TRAIN], TRAIN_ROWS, rng)
    labels = data.splits[TRAIN].labels
    sums = np.zeros((len(data.classes), len(data.feature_names)))
    total, squares = np.zeros(len(data.feature_names)), np.zeros(len(data.feature_names))
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        features = data.splits[TRAIN].features[part].astype(np.float32)
        np.add.at(sums, labels[part], features)
        total += features.sum(axis=0, dtype=np.float64)
        squares += np.einsum("nd,nd->d", features, features, dtype=np.float64)
    variance = squares / len(rows) - (total / len(rows)) ** 2
    scale = np.sqrt(np.maximum(variance, 0))
    scale[scale == 0] = 1
    counts = np.bincount(labels[rows], minlength=len(data.classes)).astype(np.float64)
    counts[counts == 0] = np.nan
    return (sums / counts[:, None] / scale).astype(np.float32), scale.astype(np.float32)


def _agreement(split: Split, rows: np.ndarray, means: np.ndarray, scale: np.ndarray, labels: np.ndarray) -> float:
    """Share of `rows` whose label is that of the nearest mean (euclidean)."""
    features = split.features[rows].astype(np.float32) / scale
    distance = np.einsum("cd,cd->c", means, means) - 2 * features @ means.T
    return float((np.nanargmin(distance, axis=1) == labels).mean())
