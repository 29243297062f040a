"""The import path of this process and of every process that the workbench starts.

The current folder may be a stranger's: no file in it stands in for a library. `PYTHONPATH` brings it in by an empty
entry (a trailing colon) or a relative one, `python -m` and `python -c` by themselves.

This module imports nothing but what the interpreter has loaded before, since it is what makes other imports safe.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - pathlib is not loaded yet


def protect_imports() -> None:
    """Take the current folder off the import path of this process and of all that it starts.

    What an absolute entry of PYTHONPATH names stays, also where it is the current folder. The workbench itself stays
    importable: a package finds its modules by its own path.
    """
    entries = _entries()
    here = _current_folder()
    unwanted = {here} | {os.path.normpath(os.path.join(here, entry)) for entry in entries}  # noqa: PTH118
    absolute = {os.path.normpath(entry) for entry in entries if os.path.isabs(entry)} | _of_the_installation()  # noqa: PTH117
    library = os.path.dirname(os.__file__)  # noqa: PTH120
    # what follows the standard library was put there by an installation, and can replace nothing
    before = sys.path.index(library) if library in sys.path else len(sys.path)
    sys.path[:before] = [
        entry
        for entry in sys.path[:before]
        if os.path.isabs(entry) and not ({entry, os.path.normpath(entry)} & (unwanted - absolute))  # noqa: PTH117
    ]
    _write(os.environ)


def command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of the workbench in a Python process of its own, with `environment`."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment(**more: str) -> dict[str, str]:
    """The environment of a child process, which finds this same workbench, also when it is not installed."""
    # threads that wait by spinning make training twenty times slower as soon as anything else wants a core
    env = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, **more}
    _write(env, [] if ROOT in _of_the_installation() else [ROOT])
    return env


def _write(env: "os._Environ[str] | dict[str, str]", first: "list[str] | None" = None) -> None:
    paths = [*(first or []), *(entry for entry in _entries() if os.path.isabs(entry))]  # noqa: PTH117
    if paths:
        env["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    else:
        env.pop("PYTHONPATH", None)
    env["PYTHONSAFEPATH"] = "1"  # for what is started without -P, such as the processes of multiprocessing and joblib


def _entries() -> list[str]:
    path = os.environ.get("PYTHONPATH", "")
    return path.split(os.pathsep) if path else []


def _current_folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError:  # it has been deleted
        return ""


def _of_the_installation() -> set[str]:
    site = sys.modules.get("site")
    return {*site.getsitepackages(), site.getusersitepackages()} if site is not None else set()
