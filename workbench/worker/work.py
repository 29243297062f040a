"""The child's work for a job: load the analysis, create its context, send its blocks."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import blocks as codec
from workbench import plugins
from workbench.api import Analysis, Block, Cache, Context, RunView
from workbench.errors import BadInput, choose
from workbench.features.store import Store
from workbench.settings import resolve, values_of
from workbench.worker import results
from workbench.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.plugins import PluginInfo
    from workbench.runs import StoredRun
    from workbench.worker.job import Job

_stores: dict[Path, Store] = {}  # open between jobs, so that labels and paths are read once
_cache = Cache()  # what analyses keep between jobs


def analyse(job: Job) -> tuple[bool, dict[str, Any]]:
    """Run the requested analysis, or send its cached answer; returns (cached, all parameters)."""
    request = job.request
    workspace = Workspace.open(request["folder"], request["state"])
    info = plugins.find(workspace, request["analysis"])
    analysis = plugins.load(info)
    params = resolve(analysis.Params, request["params"], where=f"analysis {info.name}: ")
    store = _open_store(workspace, job)
    ctx, runs = make_context(workspace, store, job, _cache.part((info.name, plugins.fingerprint(info))))
    name = answer_name(info, store, values_of(params), ctx.pair, ctx.run)
    folder = workspace.answers_dir
    cached = results.load(folder, name)
    if cached is not None and (cached.runs is None or cached.runs == runs.states()):
        for message, buffers in cached.blocks:
            job.send(message, buffers)
        return True, values_of(params)
    answer = results.Answer(list(send_blocks(analysis(), ctx, params, job)))
    if not job.is_cancelled():
        answer.runs = runs.states() if runs.looked_at else None
        try:
            results.save(folder, name, answer)
        except OSError as error:
            job.log(f"the result could not be cached: {error}")
    return False, values_of(params)


def answer_name(
    info: PluginInfo, store: Store, params: Mapping[str, Any], pair: Sequence[str], run: RunView | None
) -> str:
    """The cache key of the answer for these inputs."""
    about = None if run is None else {"id": run.id, "summary": dict(run.summary)}
    source = plugins.fingerprint(info) + plugins.own_fingerprint()
    return results.key(store.fingerprint, info.name, source, params, pair, about)


def kept_answer(
    workspace: Workspace, store: Store, analysis: str, pair: Sequence[str], run: RunView | None
) -> list[Block] | None:
    """The blocks of an earlier answer to an analysis with its defaults; None where there is none. Nothing is run.

    Not for analyses that read runs other than the selected one. Raises BadInput for an unknown analysis.
    """
    info = plugins.find(workspace, analysis)
    defaults = {setting.name: setting.default for setting in info.settings or ()}
    cached = results.load(workspace.answers_dir, answer_name(info, store, defaults, pair, run))
    if cached is None or cached.runs is not None:
        return None
    return [codec.decode(message, buffers) for message, buffers in cached.blocks]


def send_blocks(analysis: Analysis, ctx: Context, params: Any, job: Job) -> Iterator[Any]:
    """Run an analysis, sending each block as it is yielded; returns the blocks as messages."""
    answer = analysis.run(ctx, params)
    if not hasattr(answer, "__iter__"):
        raise TypeError(
            f"run() returned a {type(answer).__name__}; expected it to yield blocks, or to return a list of them"
        )
    for block in answer:
        message = codec.encode(block)
        job.send(*message)
        yield message
        if job.is_cancelled():
            return


def make_context(workspace: Workspace, store: Store, job: Job, cache: Cache) -> tuple[Context, Runs]:
    """What the analysis is given; raises BadInput for a run or a pair of test sets that does not exist."""
    request = job.request
    tests = list(store.tests)
    pair = tuple(choose(name, tests, "test set") for name in request["pair"] or tests[:2])
    runs = Runs(workspace)
    chosen = runs.open(request["run"]) if request["run"] else None
    if chosen is not None:
        _same_data(chosen, store)
    root = workspace.config.images.root
    return Context(
        splits=store.splits,
        pair=pair,  # type: ignore[arg-type]  # a workspace with fewer than two test sets has a shorter pair
        classes=store.classes,
        label_values=store.label_values,
        feature_names=store.feature_names,
        run=chosen,
        runs=runs,
        rng=np.random.default_rng(zlib.crc32(request["analysis"].encode())),
        image_root=workspace.path(root) if root else None,
        cache=cache,
        report_progress=job.progress,
        report_log=job.log,
        is_cancelled=job.is_cancelled,
    ), runs


def _same_data(run: StoredRun, store: Store) -> None:
    if run.fingerprint != store.fingerprint:
        raise BadInput(
            f"run {run.id} was trained on features that have since changed (fingerprint {run.fingerprint[:12]}, now "
            f"{store.fingerprint[:12]}); train again, or choose another run"
        )


class Runs(Mapping[str, RunView]):
    """The finished runs by id, opened on first access, which is recorded."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._opened: dict[str, StoredRun] = {}
        self.looked_at = False

    def open(self, run_id: str) -> StoredRun:
        from workbench import runs

        if run_id not in self._opened:
            self._opened[run_id] = runs.StoredRun(runs.load(self._workspace, run_id).view)
        return self._opened[run_id]

    def _ids(self) -> list[str]:
        from workbench import runs

        return [run.id for run in runs.list_runs(self._workspace) if run.state == "finished"]

    def states(self) -> dict[str, str]:
        """Each finished run's id with a hash of its summary."""
        return {run_id: results.state_of(self.open(run_id).summary) for run_id in self._ids()}

    def __getitem__(self, run_id: str) -> RunView:
        self.looked_at = True
        if run_id not in self._ids():
            raise KeyError(run_id)
        return self.open(run_id)

    def __iter__(self) -> Iterator[str]:
        self.looked_at = True
        return iter(self._ids())

    def __len__(self) -> int:
        self.looked_at = True
        return len(self._ids())


def _open_store(workspace: Workspace, job: Job) -> Store:
    from workbench.features.ingest import ingested, open_store

    store = ingested(workspace) or open_store(
        workspace,
        progress=lambda step: job.progress(step.fraction, f"reading {step.split}"),
        cancelled=job.is_cancelled,
    )
    cached = _stores.get(store.folder)
    if cached is not None and cached.manifest == store.manifest:
        return cached
    _stores.clear()
    _stores[store.folder] = store
    return store


def check(job: Job) -> tuple[bool, dict[str, Any]]:
    """Run every analysis of one file on a small synthetic data set and check it against the contract."""
    from workbench.worker.checking import check_file

    check_file(job.request["check"], job)
    return False, {}
