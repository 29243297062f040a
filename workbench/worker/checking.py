"""Checks of the contract of analyses on a small synthetic data set."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import blocks as codec
from workbench import plugins
from workbench.api import Analysis, Context
from workbench.errors import BadInput
from workbench.settings import declared, resolve
from workbench.testing import tiny_context

if TYPE_CHECKING:
    from workbench.worker.job import Job

MANY_BLOCKS = 1000


@dataclass
class Report:
    """What was looked at and what is wrong."""

    passed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def say(self, what: str, problem: str | None) -> None:
        """Note one check: passed when there is no problem."""
        if problem is None:
            self.passed.append(what)
        else:
            self.problems.append(f"{what}: {problem}")


def check_file(path: str, job: Job) -> None:
    """Check every analysis of a file, logging each check; raises BadInput naming what is wrong."""
    infos = plugins.read_file("user", Path(path))
    problems: list[str] = []
    for info in infos:
        if info.error:
            raise BadInput(f"{path}: {info.error}")
        report = check_analysis(info, plugins.load(info), job.send)
        for text in report.passed:
            job.log(f"{info.name}: {text}: ok")
        problems += [f"{info.name}: {text}" for text in report.problems]
    if problems:
        raise BadInput(f"{path}: " + "\n".join(problems))


def check_analysis(
    info: plugins.PluginInfo, analysis: type[Analysis], send: Callable[..., object] = lambda *message: None
) -> Report:
    """Check one analysis against the contract. Its own exceptions are passed on with their tracebacks."""
    report = Report()
    report.say("it has a title", None if analysis.title else 'add title = "..."')
    report.say("it has a docstring", None if info.doc else "add a docstring to the class")
    report.say("its parameters", _parameters(info, analysis))
    with tempfile.TemporaryDirectory() as folder:
        ctx = tiny_context(Path(folder))
        report.say("it yields blocks on a small synthetic data set", _blocks(analysis, ctx, send))
        report.say("it stops on request", _stops(analysis, Path(folder)))
    return report


def _parameters(info: plugins.PluginInfo, analysis: type[Analysis]) -> str | None:
    settings = declared(analysis.Params)
    resolve(analysis.Params, {})
    for setting in settings.values():
        if not setting.help:
            return f"parameter {setting.name} has no help text"
        if setting.default is not None:
            setting.convert(setting.default)
    if info.settings is not None and [one.name for one in info.settings] != list(settings):
        return "the declaration of the class differs from its source; use literal values in class Params"
    return None


def _blocks(analysis: type[Analysis], ctx: Context, send: Callable[..., object]) -> str | None:
    fractions: list[float] = []
    ctx = replace(ctx, report_progress=lambda fraction, text: fractions.append(fraction))
    count = 0
    for block in analysis().run(ctx, resolve(analysis.Params, {})):
        message, buffers = codec.encode(block)
        codec.decode(message, buffers)
        send(message, buffers)
        count += 1
    if not count:
        return "it yielded no blocks"
    if any(not 0 <= fraction <= 1 for fraction in fractions):
        return "it reported progress outside 0 to 1"
    return None


def _stops(analysis: type[Analysis], folder: Path) -> str | None:
    ctx = tiny_context(folder, is_cancelled=lambda: True)
    for count, _ in enumerate(analysis().run(ctx, resolve(analysis.Params, {}))):
        if count > MANY_BLOCKS:
            return "it continues to yield blocks after ctx.cancelled is true"
    return None
