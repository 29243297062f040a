"""Bad input: one message that names file, place, value and way out; exit code 2; nothing left behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from workbench.errors import BadInput
from workbench.features.ingest import ingested, open_store
from workbench.workspace import Workspace

GOOD = "label,f0,f1\n0,1.5,2.5\n1,3.5,4.5\n0,1.0,2.0\n1,3.0,4.0\n"


def folder_of(tmp_path: Path, **files: str) -> Path:
    for name, text in {"train": GOOD, "test1": GOOD, **files}.items():
        file = tmp_path / (name.replace("__", ".") if "__" in name else f"{name}.csv")
        file.write_text(text)
    return tmp_path


def mend(text: str, row: int, column: int, cell: str) -> str:
    lines = [line.split(",") for line in text.strip().split("\n")]
    lines[row + 1][column] = cell
    return "\n".join(",".join(line) for line in lines) + "\n"


CASES = {
    "missing file": (
        {"workbench__toml": '[features]\ntrain = "nope_*.csv"\n'},
        ["workbench.toml", "[features] train", "nope_*.csv", "no such file"],
    ),
    "empty file": ({"test1": ""}, ["test1.csv", "empty"]),
    "header alone": ({"test1": "label,f0,f1\n"}, ["test1.csv", "no rows"]),
    "no label column": ({"train": GOOD.replace("label", "weight")}, ["train.csv", "label"]),
    "text among features": (
        {"train": mend(GOOD, 2, 1, "abc")},
        ["train.csv", "row 2", "line 4", "'f0'", "'abc'", "drop"],
    ),
    "NaN": (
        {"train": mend(GOOD, 1, 2, "NaN")},
        ["train.csv", "1 value in 1 row is", "row 1", "'f1'", "nan", "--non-finite drop"],
    ),
    "infinity": ({"test1": mend(GOOD, 3, 1, "inf")}, ["test1.csv", "row 3", "'f0'", "inf", "--non-finite drop"]),
    "missing cell": ({"train": mend(GOOD, 1, 2, "")}, ["train.csv", "row 1", "'f1'", "missing"]),
    "another width": ({"test1": "label,f0\n0,1.0\n1,2.0\n"}, ["test1.csv", "1 feature where train has 2", "f1"]),
    "unknown label": ({"test1": mend(GOOD, 2, 0, "7")}, ["test1.csv", "row 2", "7", "unknown to train"]),
    "missing label": ({"test1": mend(GOOD, 2, 0, "")}, ["test1.csv", "row 2", "no label"]),
    "fractional label": ({"train": mend(GOOD, 2, 0, "0.5")}, ["train.csv", "label", "0.5"]),
    "one class": ({"train": "label,f0,f1\n3,1.0,2.0\n3,2.0,3.0\n"}, ["train.csv", "one class", "3"]),
    "unreadable toml": ({"workbench__toml": "[features\n"}, ["workbench.toml", "line 1"]),
    "unknown key": (
        {"workbench__toml": '[features]\ntrain = "train.csv"\n[validation]\nfractoin = 0.1\n'},
        ["workbench.toml", "[validation] fractoin", "'fraction'"],
    ),
    "unknown table": (
        {"workbench__toml": '[features]\ntrain = "train.csv"\n[classses]\nnames = "x"\n'},
        ["workbench.toml", "[classses]", "'classes'"],
    ),
    "wrong type": (
        {"workbench__toml": '[features]\ntrain = "train.csv"\n[validation]\nseed = "a"\n'},
        ["workbench.toml", "validation.seed", "int"],
    ),
    "fraction out of range": (
        {"workbench__toml": '[features]\ntrain = "train.csv"\n[validation]\nfraction = 1.5\n'},
        ["workbench.toml", "fraction", "1.5"],
    ),
    "label column that is not there": (
        {"workbench__toml": '[features]\ntrain = "train.csv"\nlabel = "lable"\n'},
        ["train.csv", "'lable'", "'label'"],
    ),
    "other columns in a shard": (
        {"train_2": GOOD.replace("f1", "g1"), "workbench__toml": '[features]\ntrain = "train*.csv"\n'},
        ["train_2.csv", "differ", "g1"],
    ),
    "classes file too short": (
        {"classes__txt": "only\n"},
        ["classes.txt", "has no name for label 1"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_named_and_leaves_nothing(tmp_path: Path, case: str) -> None:
    files, told = CASES[case]
    folder = folder_of(tmp_path, **files)
    with pytest.raises(BadInput) as caught:
        open_store(Workspace.open(folder))
    message = str(caught.value)
    for words in told:
        assert words in message, message
    assert "\n" not in message
    assert not (folder / ".workbench").exists()


def test_text_far_down_the_file_is_found(tmp_path: Path) -> None:
    rows = "".join(f"{i % 2},{i}.0,{i}.5\n" for i in range(5000))
    folder = folder_of(tmp_path, train="label,f0,f1\n" + rows + "1,3.0,oops\n")
    with pytest.raises(BadInput, match=r"row 5000 \(line 5002\), column 'f1': 'oops'"):
        open_store(Workspace.open(folder))


def test_rows_with_nan_are_left_out_by_choice_and_the_choice_holds(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, train=mend(mend(GOOD, 1, 2, "NaN"), 2, 1, "-inf") + "1,9.0,9.0\n")
    workspace = Workspace.open(folder)
    workspace.remember(non_finite="drop")
    store = open_store(Workspace.open(folder))
    assert store.train.features.tolist() == [[1.5, 2.5], [3.0, 4.0], [9.0, 9.0]]
    assert store.train.labels.tolist() == [0, 1, 1]
    assert store.train.info.dropped_rows == 2
    assert ingested(Workspace.open(folder)) is not None


def test_a_missing_folder_and_a_folder_without_features(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        Workspace.open(tmp_path / "nope")
    (tmp_path / "notes.csv").write_text("a,b\n")
    with pytest.raises(BadInput, match=r"no training file: it contains notes\.csv"):
        Workspace.open(tmp_path)


def test_an_unreadable_file_of_another_kind(tmp_path: Path) -> None:
    pl.DataFrame({"label": [0, 1], "f0": [1.0, 2.0]}).write_csv(tmp_path / "train.csv")
    (tmp_path / "test1.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(BadInput, match=r"test1\.parquet: cannot be read as parquet"):
        open_store(Workspace.open(tmp_path))


def test_the_command_exits_with_2_and_prints_one_message(make_folder: Callable[..., Path]) -> None:
    folder = make_folder()
    (folder / "test2.csv").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "ingest", str(folder), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "test2.csv" in done.stderr


def test_a_state_folder_that_was_there_stays_and_is_left_empty(tmp_path: Path) -> None:
    files, _ = CASES["NaN"]
    state = tmp_path / "state"
    state.mkdir()
    with pytest.raises(BadInput):
        open_store(Workspace.open(folder_of(tmp_path, **files), state))
    assert list(state.iterdir()) == []
