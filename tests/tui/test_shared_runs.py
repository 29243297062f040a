"""What several screens show of runs."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.tui.tui_support import make_run
from workbench import runs
from workbench.present.colours import Palette
from workbench.runs import RunSnapshot
from workbench.tui.shared.runs import STATE_SIGNS, progress, remaining, short_name, start_time, state_label
from workbench.workspace import Workspace


@pytest.fixture
def run(read_workspace: Workspace) -> RunSnapshot:
    return runs.read(make_run(read_workspace, epochs=10))


def test_a_short_name_leaves_out_date_and_time(run: RunSnapshot) -> None:
    assert short_name(replace(run, id="20260101-120000-linear-a3f1")) == "linear-a3f1"
    assert short_name(replace(run, id="my-run")) == "my-run"


def test_progress_counts_the_current_epoch_in_part(run: RunSnapshot) -> None:
    assert progress(replace(run, epoch=4)) == 0.4
    assert progress(replace(run, epoch=4), 4.5) == 0.45
    assert progress(replace(run, epoch=4), 3.0) == 0.4
    assert progress(replace(run, epoch=11)) == 1.0
    assert progress(replace(run, epochs=0)) == 0.0


def test_the_remaining_time_is_estimated_for_active_runs(run: RunSnapshot) -> None:
    active = replace(run, state="running", seconds=30.0)
    assert remaining(active, 0.25) == 90.0
    assert remaining(active, 0.0) is None
    assert remaining(replace(active, seconds=0.5), 0.25) is None
    assert remaining(replace(active, state="stopped"), 0.25) is None


def test_a_start_time_has_its_date_unless_it_is_today() -> None:
    now = time.time()
    assert start_time(now) == time.strftime("%H:%M:%S", time.localtime(now))
    assert start_time(86_400.0 * 200) == "1970-07-20"


def test_every_state_has_a_sign_beside_its_word() -> None:
    for state in ("queued", "running", "finished", "failed", "stopped", "lost", "done", "cancelled"):
        assert state_label(state, Palette()).plain == f"{STATE_SIGNS[state]} {state}"
