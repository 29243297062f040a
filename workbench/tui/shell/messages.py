"""Every message of the interface. Workers only post these; the app's handlers alone change the session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from workbench.features.checks import Check
    from workbench.features.ingest import IngestProgress
    from workbench.features.store import Store
    from workbench.plugins import PluginInfo
    from workbench.runs import RunSnapshot
    from workbench.tui.screens.data.features import Features, Seen
    from workbench.tui.screens.divergence.content import Feature
    from workbench.tui.shell.jobs import Job
    from workbench.tui.shell.usage import Usage


@dataclass
class IngestProgressed(Message):
    """The reading of feature files has come this far."""

    progress: IngestProgress


@dataclass
class IngestWaits(Message):
    """Another process is reading the feature files; `text` says so."""

    text: str


@dataclass
class StoreOpened(Message):
    """The store is there: opened, or read for the first time; `sources_missing` when only the store is left.

    `strangers` says what else lies among the stores, left alone since the workbench did not make it.
    """

    store: Store
    was_read: bool
    sources_missing: bool = False
    strangers: str = ""


@dataclass
class StoreFailed(Message):
    """The feature files could not be read; `message` is for the user. `stopped` when the user asked to stop."""

    message: str
    stopped: bool = False


@dataclass
class ChecksMade(Message):
    """The quick checks of the data are done."""

    checks: tuple[Check, ...]


@dataclass
class DeviceFound(Message):
    """The device that training would use by default, in a word or two: `cpu`, `NVIDIA H200`."""

    device: str


@dataclass
class UsageMeasured(Message):
    """How busy the machine was since the last look."""

    usage: Usage


@dataclass
class RunsChanged(Message):
    """The runs on disk are no longer what they were. `looks` counts the evaluations on each test set."""

    runs: tuple[RunSnapshot, ...]
    looks: dict[str, int]


@dataclass
class RunStarted(Message):
    """A run was created and its process launched."""

    run: RunSnapshot


@dataclass
class RunRefused(Message):
    """A run could not be started, stopped or removed; `message` says why."""

    message: str


@dataclass
class JobChanged(Message):
    """An analysis job has moved on: queued, running, done, failed or cancelled."""

    job: Job


@dataclass
class SampleLoaded(Message):
    """One sample's label, path, metadata and feature vector, and where its picture lies if it was found."""

    split: str
    row: int
    fields: dict[str, Any]
    vector: Any  # float32 [D]
    picture: str | None


@dataclass
class RowsLoaded(Message):
    """A frame was made off the main thread for the widget that asked, e.g. the samples of a split."""

    what: str
    frame: Any  # polars.DataFrame
    of: int


@dataclass
class PluginsFound(Message):
    """The plugin folders were read; `signature` tells what they looked like, `error` why they could not be read."""

    plugins: tuple[PluginInfo, ...]
    signature: tuple[tuple[str, int, int], ...]
    error: str = ""


@dataclass
class SampleFound(Message):
    """The (split, row) that a row of an answer stands for, None when there is no such sample; `told` names it."""

    found: tuple[str, int] | None
    told: str


@dataclass
class ChecksKept(Message):
    """The answer to all data checks that was kept from an earlier time; None when there is none. `about`: of what."""

    about: Any
    checks: tuple[Check, ...] | None


@dataclass
class FeaturesListed(Message):
    """Every feature with its range, mean and spread in train."""

    features: Features


@dataclass
class FeatureSeen(Message):
    """One feature was read in each of the splits that the Data screen draws."""

    seen: Seen


@dataclass
class FeatureLoaded(Message):
    """One feature was read on the two splits that the Divergence screen compares."""

    feature: Feature
