"""How busy the machine is, in the title line of any width, with and without GPUs."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from tests.tui.tui_support import make_run
from workbench import runs
from workbench.present.colours import Palette
from workbench.tui.shell import background, messages
from workbench.tui.shell.bars import title_line
from workbench.tui.shell.session import Session
from workbench.tui.shell.usage import Load, Sampler, Usage, usage_text
from workbench.workspace import Workspace

PALETTE = Palette()
CPU = Load("cpu", 0.37, 2_100_000_000, 8_000_000_000, 61.0)
GPU = Load("gpu", 0.934, 12_100_000_000, 150_000_000_000, 54.0)


def test_in_words() -> None:
    assert usage_text(Usage(CPU), PALETTE, long=False).plain == "cpu 37 %"
    assert usage_text(Usage(CPU), PALETTE, long=True).plain == "cpu 37 %  2.1 of 8 GB  61 °C"
    assert usage_text(Usage(CPU, GPU), PALETTE, long=False).plain == "gpu 93 %  54 °C  cpu 37 %"
    hot = usage_text(Usage(CPU, Load("gpu 1", None, 0, 0, 91.0)), PALETTE, long=True).plain
    assert hot.startswith("gpu 1 –  91 °C hot  cpu")


def test_the_title_line_never_overflows(read_workspace: Workspace) -> None:
    make_run(read_workspace)
    found = tuple(runs.list_runs(read_workspace))
    session = Session(read_workspace, pair=("test1", "test2"), runs=found, run_id=found[0].id, device="NVIDIA H200")
    for usage in (None, Usage(CPU), Usage(CPU, GPU)):
        for width in range(10, 200, 7):
            assert title_line(session.with_(usage=usage), width).cell_len <= width
    assert "cpu 37 %" in title_line(session.with_(usage=Usage(CPU)), 80).plain
    wide = title_line(session.with_(usage=Usage(CPU, GPU)), 190).plain
    assert "NVIDIA H200   gpu 93 %  12 of 150 GB  54 °C  cpu 37 %  2.1 of 8 GB  61 °C" in wide


def test_this_machine_is_looked_at_until_called_off() -> None:
    posted: list[messages.UsageMeasured] = []
    waits = iter([False, False, True])
    background.watch_usage(posted.append, lambda seconds: next(waits))
    assert len(posted) == 2
    usage = posted[1].usage
    assert usage.cpu.use is not None
    assert 0 <= usage.cpu.use <= 1
    assert 0 < usage.cpu.memory <= usage.cpu.memory_of


class FakeError(Exception):
    """What NVML raises for what a card does not tell."""


def test_the_busiest_gpu_speaks_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def temperature(handle: int, kind: int) -> int:
        if handle == 0:
            raise FakeError
        return 50 + kind

    fake: Any = SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 3,
        nvmlDeviceGetHandleByIndex=lambda place: place,
        nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=[10, 90, 20][handle]),
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(used=1, total=2),
        nvmlDeviceGetTemperature=temperature,
        NVML_TEMPERATURE_GPU=0,
        NVMLError=FakeError,
    )
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    assert Sampler().look().gpu == Load("gpu 1", 0.9, 1, 2, 50.0)
    fake.nvmlDeviceGetCount = lambda: 1
    assert Sampler().look().gpu == Load("gpu", 0.1, 1, 2, None)
    fake.nvmlDeviceGetCount = lambda: 0
    assert Sampler().look().gpu is None


async def test_only_the_title_is_drawn_anew(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench() as (app, pilot):
        shown: list[Any] = []
        monkeypatch.setattr(app.current, "show", lambda *args: shown.append(args))
        app.post_message(messages.UsageMeasured(Usage(CPU)))
        await pilot.pause()
        assert app.session.usage == Usage(CPU)
        assert app.current.query_one("TitleBar").session is app.session
        assert not shown
        assert not app._over.is_set()
    assert isinstance(app._over, threading.Event)
    assert app._over.is_set()
