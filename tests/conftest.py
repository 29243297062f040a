"""Fixtures for all tests: small workspaces, the real feature sets, a user folder of the test's own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: tests side by side must not spin for each other

from workbench.features.ingest import open_store
from workbench.features.store import Store
from workbench.workspace import Workspace

ROOT = Path(__file__).parent.parent

# A shell's background job ignores these, and so would every process that a test starts and then signals.
for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _own_user_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the user's plugins nor their keymap reach a test."""
    monkeypatch.setenv("WORKBENCH_CONFIG_DIR", str(tmp_path_factory.mktemp("user")))


def write_features(
    file: Path, rows: int, dim: int, classes: int, seed: int, shift: float = 0.0, spread: float = 1.0
) -> None:
    """A CSV of `rows` samples around `classes` centres that are the same for every seed."""
    centres = np.random.default_rng(1234).normal(size=(classes, dim)) * 2
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % classes
    features = (centres[labels] + rng.normal(size=(rows, dim)) * spread + shift).astype(np.float32)
    frame = pl.DataFrame(features, schema=[f"f{i}" for i in range(dim)])
    frame.insert_column(0, pl.Series("path", [f"{file.stem}/c{label}/{i:05d}.png" for i, label in enumerate(labels)]))
    frame.insert_column(1, pl.Series("label", labels))
    frame.write_csv(file)


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder with train.csv, test1.csv and test2.csv; test 2 is the harder one."""

    def make(rows: int = 300, dim: int = 8, classes: int = 3, name: str = "set") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        write_features(folder / "train.csv", rows, dim, classes, seed=0)
        write_features(folder / "test1.csv", rows // 2, dim, classes, seed=1, spread=1.5)
        write_features(folder / "test2.csv", rows // 3, dim, classes, seed=2, shift=0.4, spread=2.0)
        return folder

    return make


@pytest.fixture
def workspace(make_folder: Callable[..., Path]) -> Workspace:
    return Workspace.open(make_folder())


@pytest.fixture
def store(workspace: Workspace) -> Store:
    return open_store(workspace)


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """The folder of a real feature set by name; skips the test where the sets are not at hand."""

    def find(name: str) -> Path:
        folder = Path(os.environ.get("WORKBENCH_TEST_DATA", ROOT.parent / "shared" / "data")) / name
        if not folder.is_dir():
            pytest.skip(f"the real feature set {name} is not at {folder}; WORKBENCH_TEST_DATA names another place")
        return folder

    return find
