"""Make the bundled demonstration set from scikit-learn's handwritten digits: `python data/make_digits.py`.

The 1,797 samples are in the order in which they were collected: the first 1,300 were written by other people than the
last 497. Train and test set 1 are drawn from the first 1,300, stratified by digit, so that they share writers; test
set 2 is the last 497, by writers that train never saw. The features are the 64 pixel values, 0 to 16.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998
(CC BY 4.0), as `sklearn.datasets.load_digits` ships it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SHARED_WRITERS = 1300
TEST1_ROWS = 400
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def main(folder: Path) -> None:
    """Write train.csv, test1.csv, test2.csv and classes.txt into `folder`."""
    digits = load_digits()
    pixels, labels = digits.data.astype(np.int64), digits.target
    shared = np.arange(SHARED_WRITERS)
    train, test1 = train_test_split(shared, test_size=TEST1_ROWS, stratify=labels[shared], random_state=0)
    for split, rows in (
        ("train", np.sort(train)),
        ("test1", np.sort(test1)),
        ("test2", np.arange(SHARED_WRITERS, len(labels))),
    ):
        frame = pl.DataFrame(pixels[rows], schema=[f"pixel_{r}_{c}" for r in range(8) for c in range(8)])
        paths = [f"{split}/{NAMES[labels[row]]}/{row:04d}.png" for row in rows]
        frame.insert_column(0, pl.Series("path", paths)).insert_column(1, pl.Series("label", labels[rows]))
        frame.write_csv(folder / f"{split}.csv")
    (folder / "classes.txt").write_text("\n".join(NAMES) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(__file__).parent)
