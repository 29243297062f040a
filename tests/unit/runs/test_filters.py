"""Finding runs: the filter language, stars and tags, and how settings differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.runs.run_records import config, scores, summary
from workbench import runs
from workbench.errors import BadInput
from workbench.features.store import Store
from workbench.runs import RunSnapshot
from workbench.runs.records import Figures
from workbench.workspace import Workspace


def made(
    run_id: str, head: str = "linear", val: float | None = None, state: str = "finished", **more: Any
) -> RunSnapshot:
    settings = {"lr": more.pop("lr", 1e-3), "batch_size": None, "schedule": more.pop("schedule", "cosine")}
    tests = more.pop("tests", {"v1": scores(0.8), "v2": scores(0.7)})
    latest = None if state == "finished" else Figures(step=1, time=1.0, val_accuracy=val)
    results = summary(val, tests) if latest is None else None
    return RunSnapshot(
        id=run_id, folder=Path(run_id), head=head, state=state, epoch=3, epochs=20, created=0.0, seconds=12.5, error="",
        config=config(settings, more.pop("sweep", "")), summary=results, pid=None, device="cpu", latest=latest, **more,
    )  # fmt: skip


RUNS = [
    made("a-linear", val=0.75, lr=1e-4, starred=True, tags=("good", "paper")),
    made("b-nn1", "nn1", val=0.85, lr=1e-3, sweep="s1"),
    made("c-nn1", "nn1", val=0.81, lr=1e-5, schedule="plateau"),
    made("d-nn2", "nn2", val=0.2, state="running"),
    made("e-ridge", "ridge", state="failed"),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "abcde"),
        ("head:nn1 lr>=1e-4 val>0.8", "b"),
        ("head:nn", "bcd"),
        ("head=nn", ""),
        ("-head:nn", "ae"),
        ("val>80%", "bc"),
        ("val>=0.81", "bc"),
        ("val<0.5", "d"),
        ("lr=0.001", "bde"),
        ("lr:1e-3", "bde"),
        ("lr!=0.001", "ac"),
        ("schedule:PLAT", "c"),
        ("schedule!=cosine", "c"),
        ("starred", "a"),
        ("-starred", "bcde"),
        ("starred:true", "a"),
        ("tag:good", "a"),
        ("tag=goo", ""),
        ("-tag:good state:finished", "bc"),
        ("sweep:s1", "b"),
        ("state:run", "d"),
        ("v1>=0.8 test2<0.71", "abc"),
        ("gap>0.05", "abc"),
        ("nn1", "bc"),
        ("paper", "a"),
        ("-failed", "abcd"),
        ("batch_size>1", ""),
        ("seconds>12 epoch=3", "abcde"),
    ],
)
def test_filters(text: str, expected: str) -> None:
    assert "".join(run.id[0] for run in runs.matching(RUNS, text)) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hed:nn1", "filter, character 1: unknown key 'hed', did you mean 'head'"),
        ("head:nn1 lrr>3", "filter, character 10: unknown key 'lrr', did you mean 'lr'"),
        ("lr>=big", "filter, character 5: 'big' is no number, which lr>= needs"),
        ("lr>=", "filter, character 1: lr>= has no value"),
        ("  >3", "filter, character 3: '>3' is no condition"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        runs.matching(RUNS, text)
    assert str(caught.value).startswith(told)


@given(st.text(alphabet="ahled:nr1><=!-. \t%0", max_size=30))
def test_any_text_is_a_filter_or_bad_input(text: str) -> None:
    try:
        found = runs.matching(RUNS, text)
    except BadInput as error:
        told = str(error)
    else:
        told = "filter, character"
        assert set(map(id, found)) <= set(map(id, RUNS))
    assert "filter, character" in told


def test_val_is_what_was_cut_from_train_also_where_a_test_set_is_called_so() -> None:
    """Else runs would be chosen by a test set where val was meant."""
    run = made("a", val=0.9, tests={"val": scores(0.6), "v2": scores(0.5)})
    assert runs.matching([run], "val>0.8") == [run]
    assert runs.matching([run], "val<0.7") == []
    assert runs.matching([run], "test1<0.7 v2<0.6") == [run]


def test_differences_of_settings() -> None:
    assert runs.differences(RUNS[:3]) == {
        "head": ("linear", "nn1", "nn1"), "lr": (1e-4, 1e-3, 1e-5), "schedule": ("cosine", "cosine", "plateau"),
    }  # fmt: skip
    assert runs.differences(RUNS[:1]) == {}
    assert runs.differences([]) == {}


def test_stars_and_tags_last(workspace: Workspace, store: Store) -> None:
    run = runs.create(workspace, store, "linear", {})
    assert not run.starred
    assert runs.star(run).starred
    assert runs.tag(run, "paper").tags == ("paper",)
    assert runs.tag(run, "other").tags == ("paper", "other")
    assert runs.tag(run, "paper", on=True).tags == ("other", "paper")
    again = runs.load(workspace, run.id)
    assert (again.starred, again.tags) == (True, ("other", "paper"))
    assert runs.tag(run, "other").tags == ("paper",)
    assert not runs.star(run).starred
    with pytest.raises(BadInput, match="tag 'two words'"):
        runs.tag(run, "two words")
