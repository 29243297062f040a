"""The command line: everything a screen does, headless. One module a command, loaded when it is used.

Nothing is imported at module level, because `main` first restricts where imports come from.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COMMANDS = {  # in the order of the help; each names a module of this package
    "open": "open the terminal interface (same as `workbench FOLDER`)",
    "demo": "open the terminal interface on the bundled data set",
    "ingest": "read the feature files into the store",
    "check": "check the data for errors and warnings, and show how to fix them",
    "train": "train a head",
    "sweep": "train a head on every point of a grid of settings and select the best on val",
    "runs": "list, show, stop, resume, remove, star or tag runs",
    "analyse": "run an analysis",
    "report": "write several analyses to one page",
    "plugin": "list, create, check and trust plugins",
    "doctor": "show versions, devices and terminal capabilities",
}
INTERRUPTED = 130


def main() -> None:
    """The entry point: exit code 0 done, 1 failed, 2 bad input, 130 interrupted, 128 + n ended by signal n."""
    from workbench.process_environment import protect_imports

    protect_imports()
    import io
    import traceback

    from workbench import termination
    from workbench.errors import BadInput, Cancelled, Failed

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # an encoding that lacks a character shows its escape
            stream.reconfigure(errors="backslashreplace")
    try:
        with termination.on_signals(termination.leave, termination.show_cursor, termination.unhandled()):
            code = _dispatch(sys.argv[1:])
    except BadInput as error:
        code = _complain(str(error), 2)
    except Failed as error:
        code = _complain(str(error), 1)
    except Cancelled as error:
        code = _complain(str(error), INTERRUPTED)
    except KeyboardInterrupt:
        code = _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        code = 1
    except Exception:  # noqa: BLE001 - whatever it is, its text may hold anything
        code = _complain(f"internal error\n{traceback.format_exc().rstrip()}", 1)
    sys.exit(code)


def _complain(message: str, code: int) -> int:
    from workbench.text import clean

    shown = clean(message, newlines=True).replace("\n", "\n  ")  # a line feed in a name must not start a new message
    print(f"workbench: {shown}", file=sys.stderr)
    return code


def _dispatch(args: list[str]) -> int:
    """Run the command that `args` name: a command, or a folder to open."""
    if args and args[0] in ("--version", "-V"):
        from workbench import __version__

        print(f"workbench {__version__}")
        return 0
    if args and args[0] in ("--help", "-h"):
        return _run([*COMMANDS], ["--help"])
    if args and args[0] in COMMANDS:
        return _run([args[0]], args)
    import difflib
    from pathlib import Path

    if args and not args[0].startswith("-") and not Path(args[0]).exists():
        close = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if close:
            return _complain(f"{args[0]}: no such folder or command, did you mean {close[0]!r}?", 2)
    return _run(["open"], ["open", *args])


def _run(names: list[str], args: list[str]) -> int:
    import importlib

    import typer

    app = typer.Typer(
        name="workbench",
        help="Train classification heads on deep features, and explain why accuracy falls between two test sets.",
        epilog="`workbench [FOLDER]` opens the terminal interface (default: the current folder).",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        no_args_is_help=True,
    )
    app.callback()(_nothing)
    for name in names:
        module = importlib.import_module(f"workbench.cli.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name, help=COMMANDS[name])
        else:
            app.command(name, short_help=COMMANDS[name])(module.command)
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]  # typer exports no name for it
    try:
        code = app(args, prog_name="workbench", standalone_mode=False)
    except usage_error as error:
        return _explain(error)
    if code == INTERRUPTED:
        return _complain("interrupted", INTERRUPTED)
    return code if isinstance(code, int) else 0


def _explain(error: "Any") -> int:
    """Print typer's usage error on stderr, with control characters removed."""
    import io

    from workbench.text import clean

    buffer = io.StringIO()
    error.show(file=buffer)
    print(clean(buffer.getvalue().rstrip(), newlines=True), file=sys.stderr)
    return int(error.exit_code)


def _nothing() -> None:
    """Make an app with a single command a group, so that the command's name is always required."""
