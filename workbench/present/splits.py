"""What a split is under the chosen pair of test sets, and the mark that says so without colour."""

from __future__ import annotations

from collections.abc import Collection, Sequence

VAL_OF_TRAIN = "val of train"
ROLES = ("train", "val", "test1", "test2")

# A mark of its own for each role, so that nothing rests on colour alone.
MARKS = {"train": "■", "val": "□", "test1": "●", "test2": "◆"}


def val_name(tests: Collection[str]) -> str:
    """What the part of train that is held out is called beside these test sets, one of which may be called val."""
    return VAL_OF_TRAIN if "val" in tests else "val"


def role(split: str, pair: Sequence[str] = ()) -> str:
    """`train`, `val`, `test1`, `test2` or "": what a split is when `pair` are test set 1 and test set 2.

    >>> role("v2", ("val", "v2")), role("val", ("val", "v2")), role("val"), role("other")
    ('test2', 'test1', 'val', '')
    """
    if split in pair[:2]:
        return f"test{pair.index(split) + 1}"
    return "val" if split == VAL_OF_TRAIN else split if split in ROLES else ""
