"""What the Plugins screen shows, as frames and texts, and what it looks at on disk: functions without widgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workbench.present.colours import Palette
from workbench.present.terminal import clean, shorten
from workbench.text import one_line
from workbench.tui.shell.dialogs import flowing
from workbench.tui.shell.session import Session
from workbench.workspace import Workspace, user_dir

if TYPE_CHECKING:
    import polars as pl

    from workbench.api import Block
    from workbench.features.store import Store
    from workbench.plugins import PluginInfo, Source
    from workbench.settings import Setting
    from workbench.tui.shell.jobs import Job
    from workbench.tui.widgets.table.panel import Column

NAME_WIDTH, STATE_WIDTH = 18, 24
MANY_FEATURES = 200  # above this many, a feature is typed rather than picked from a list

EXAMPLE = '''from workbench.api import Analysis, Context, Metric, param

class ClassShare(Analysis):
    """Fraction of each test set that belongs to one class."""

    name = "class-share"
    title = "Share of a class"

    class Params:
        label: int = param(0, help="class index, starting at 0", ge=0)

    def run(self, ctx: Context, params: Params):
        for split in (ctx.test1, ctx.test2):
            share = float((split.labels == params.label).mean())
            yield Metric(split.name, share, unit="%", split=split.name)'''


def user_folder() -> Path:
    """Where a user's own plugins go."""
    return user_dir() / "plugins"


def short_path(path: Path) -> str:
    """A path with the home folder written as ~."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)


def own_first(plugins: Sequence[PluginInfo]) -> list[PluginInfo]:
    """The order of the list: what the user is writing above what was always there, else in the order of discovery."""
    places: list[Source] = ["workspace", "user", "entry point", "built-in", "shipped"]
    return sorted(plugins, key=lambda info: places.index(info.source))


def key_of(info: PluginInfo) -> str:
    """A key that identifies this analysis, also among those of the same name."""
    return f"{info.source}|{info.path}|{info.class_name}|{info.name}"


def state_words(info: PluginInfo, session: Session) -> tuple[str, str]:
    """(state in words, its severity): ready, not trusted, changed since trusted, disabled."""
    if not info.trusted:
        return "changed since trusted" if info.verdict == "changed" else "not trusted", "warning"
    if info.error:
        return f"disabled: {one_line(info.error)}", "error"
    if info.needs_run and session.run is None:
        return "ready, requires a run", "note"
    return "ready", "good"


def job_words(job: Job | None) -> str:
    """How the last job of an analysis ended, or how far it is."""
    if job is None:
        return ""
    if job.state == "running":
        return f"running {100 * job.fraction:.0f} %" if job.fraction > 0 else "running"
    return {"queued": "waiting", "cancelled": "stopped"}.get(job.state, job.state)


def plugins_frame(plugins: Sequence[PluginInfo], session: Session, last: Mapping[str, Job]) -> pl.DataFrame:
    """One row an analysis, with the column `key` that is unique."""
    import polars as pl

    rows = [
        {
            "key": key_of(info),
            "name": info.name,
            "title": info.title if info.title != info.name else "",
            "from": info.source,
            "state": state_words(info, session)[0],
            "severity": state_words(info, session)[1],
            "last": job_words(last.get(key_of(info))),
        }
        for info in plugins
    ]
    names = ("key", "name", "title", "from", "state", "severity", "last")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String))


def plugin_columns(frame: pl.DataFrame, palette: Palette, width: int) -> list[Column]:
    """How the table of analyses is shown in `width` cells; the last run has a column once there is one."""
    from workbench.tui.widgets.table.panel import Column

    def state(value: Any, row: Any) -> Text:
        sign = {"good": "✓", "warning": "!", "error": "✗"}.get(row["severity"], "·")
        return Text(f"{sign} {shorten(value, STATE_WIDTH - 2)}", style=palette.severities[row["severity"]])

    def last(value: Any, _row: Any) -> Text:
        return Text(clean(value), style=palette.severities["error"] if value == "failed" else palette.muted)

    def longest(name: str, most: int) -> int:
        return min(most, max((len(value) for value in frame.get_column(name).to_list()), default=0)) + 2

    ran = any(frame.get_column("last").to_list())
    room = width - 2 - longest("name", NAME_WIDTH) - longest("state", STATE_WIDTH - 2) - 2 - (14 if ran else 0)
    columns = [Column("name", "analysis", style=f"bold {palette.text}", most=NAME_WIDTH)]
    if room >= 14:
        columns.append(Column("title", style=palette.muted, most=min(36, room - 2 - (13 if room >= 30 else 0))))
    if room >= 30:
        columns.append(Column("from", style=palette.muted, most=11))
    columns.append(Column("state", cell=state, most=STATE_WIDTH))
    return [*columns, Column("last", "last run", cell=last, width=12)] if ran else columns


def detail_text(info: PluginInfo, session: Session) -> Group:
    """What an analysis is for, what it takes, where it comes from, and what stands in its way."""
    palette = session.palette
    parts: list[RenderableType] = [Text(clean(info.title), style=f"bold {palette.strong}")]
    if not info.usable:
        severity = state_words(info, session)[1]
        reason = trust_text(info, session.workspace) if not info.trusted else aside_text(info)
        state = state_words(info, session)[0] if not info.trusted else "disabled"
        parts.append(Text(state, style=palette.severities[severity]))
        parts += [Text(), Text(reason, style=palette.text)]
    if info.doc:
        parts += [Text(), Text(flowing(clean(info.doc, lines=True)), style=palette.text)]
    if info.settings:
        parts += [Text("\nparameters", style=f"bold {palette.muted}"), _parameters(info.settings, palette)]
    elif info.usable:
        parts.append(Text("\ntakes no parameters" if info.settings is not None else f"\n{UNREAD}", palette.muted))
    parts += [Text(), Text(origin_words(info), style=palette.muted)]
    return Group(*parts)


def _parameters(settings: Sequence[Setting], palette: Palette) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for setting in settings:
        words = " · ".join(part for part in (one_line(setting.help), clean(setting.allowed)) if part)
        shown = words.replace(">=", "≥").replace("<=", "≤")
        table.add_row(Text(clean(setting.name), style=palette.text), Text(shown, style=palette.muted))
    return table


def origin_words(info: PluginInfo) -> str:
    """Where an analysis comes from; the file of those that a user would look at."""
    own = info.path is not None and info.source not in ("built-in", "shipped")
    return f"{info.source}  {short_path(info.path)}" if own and info.path else str(info.source)


UNREAD = "its parameters can only be determined by running it; it runs with its defaults"


def aside_text(info: PluginInfo) -> str:
    """Why an analysis is disabled, and how to fix it."""
    where = f"{short_path(info.path)}: " if info.path else ""
    return f"{where}{one_line(info.error)}. Fix the file; it is read again when it changes. Others are not affected."


def trust_text(info: PluginInfo, workspace: Workspace) -> str:
    """What trusting a workspace means."""
    from workbench.plugins import WHY_NOT

    place = short_path(info.path) if info.path else workspace.root
    return (
        f"This is code that came with the workspace ({place}), and {WHY_NOT[info.verdict]}. It does not run "
        "until you allow it, since it would have your permissions: it could read, change or send whatever you can. t "
        "shows every file that would run, or what changed in them, and asks. Only the code you have seen is trusted: "
        "when a file is changed, added or removed, no code of the workspace runs until you confirm again."
    )


def writing_text(workspace: Workspace) -> str:
    """How to write an analysis."""
    return (
        "An analysis is one Python file. Placed in one of these folders, it appears here automatically:\n\n"
        f"  {short_path(user_folder())}\n      for all workspaces\n"
        f"  {short_path(workspace.root / 'plugins')}\n      for this workspace only; runs once you have trusted it\n\n"
        "To create a working template with a test:\n\n"
        "  workbench plugin new class-share\n  workbench plugin check FILE\n\n"
        f"Or paste this into {short_path(user_folder() / 'class_share.py')}:\n\n"
        + "\n".join(f"  {line}".rstrip() for line in EXAMPLE.splitlines())
        + "\n\nIt runs in a separate process: an error or an endless loop in it affects only its own result."
    )


def offers(session: Session) -> dict[str, list[str]]:
    """What the form offers for each kind of parameter."""
    store = session.store
    choices: dict[str, list[str]] = {"run": [run.id for run in session.runs or () if run.state == "finished"]}
    if store is not None:
        tests = list(store.tests)
        aliases = [word for word in ("test1", "test2")[: len(session.pair)] if word not in tests]
        choices["split"] = [*aliases, "train", *tests]
        if store.dim <= MANY_FEATURES:
            choices["feature"] = list(store.feature_names)
    return choices


def start_values(settings: Sequence[Setting], session: Session) -> dict[str, Any]:
    """Values that the shared selection gives: the sample the user has gone into, the feature, the chosen run."""
    selection = session.selection
    values: dict[str, Any] = {}
    names = {setting.name for setting in settings}
    if {"split", "row"} <= names and selection.split is not None and selection.row is not None:
        values |= {"split": selection.split, "row": selection.row}
    for setting in settings:
        if setting.kind == "run" and session.run is not None:
            values[setting.name] = session.run.id
        if setting.kind == "feature" and selection.feature is not None and session.store is not None:
            values[setting.name] = session.store.feature_names[selection.feature]
    return values


def named_sample(block: Block, row: Mapping[str, Any]) -> tuple[str, Any] | None:
    """(split or "", row number or path) of the sample that a row of a block is about; None when it names none."""
    from workbench import api

    if isinstance(block, api.Samples):
        return block.split, row["row"]
    if isinstance(block, api.Table) and block.samples and row.get(block.samples) is not None:
        return str(row.get("split") or block.split), row[block.samples]
    return None


def find_sample(store: Store, pair: Sequence[str], split: str, which: Any) -> tuple[str, int] | None:
    """(split, row) of a sample given by row number or path; `test1` and `test2` mean the pair. None when not found."""
    if split in ("test1", "test2") and split not in store.splits and len(pair) == 2:
        split = pair[int(split == "test2")]
    places = [split] if split in store.splits else [] if split else list(store.splits)
    if isinstance(which, int):
        known = len(places) == 1 and 0 <= which < store.splits[places[0]].rows
        return (places[0], which) if known else None
    for name in places:
        row = store.splits[name].paths.index_of(str(which))
        if row is not None:
            return name, row
    return None
