"""What a plugin file declares, read from its syntax tree without running any of it."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.settings import Setting
from workbench.text import clean

LARGEST = 2 << 20  # bytes of a plugin file
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
TYPES: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str, "list[int]": list}


class NotAnAnalysis(Exception):  # noqa: N818 - it says what the file is
    """A file that brings no usable analysis; the message says why."""


@dataclass(frozen=True)
class Declared:
    """One analysis as its class declares it; `settings` is None when only running the file would tell them."""

    class_name: str
    name: str
    title: str
    doc: str
    needs_run: bool
    settings: tuple[Setting, ...] | None
    error: str = ""


class _UnknownError(Exception):
    """A value that only running the code would give."""


def read_analyses(path: Path) -> list[Declared]:
    """The analyses in a file: its classes that derive from a class called `Analysis`.

    Raises NotAnAnalysis for a file that cannot be read or parsed, or that holds none.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise NotAnAnalysis(f"larger than {LARGEST >> 20} MiB")
        tree = ast.parse(path.read_bytes(), str(path))
    except OSError as error:
        raise NotAnAnalysis(f"cannot be read ({error.strerror})") from None
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        raise NotAnAnalysis(f"{where}{clean(error.msg)}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotAnAnalysis(f"not readable as Python ({clean(error)})") from None
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    found = [node for node in classes.values() if _derives(node, classes)]
    named = [node for node in found if _own(node, "name", classes) is not None or not _is_base(node, found)]
    if not named:
        raise NotAnAnalysis("no class in it derives from workbench.api.Analysis")
    constants = _constants(tree.body, {})
    return [_declared(node, classes, constants) for node in named]


def _derives(node: ast.ClassDef, classes: dict[str, ast.ClassDef], depth: int = 0) -> bool:
    names = [_last(base) for base in node.bases]
    inside = (classes[name] for name in names if name in classes and classes[name] is not node)
    return "Analysis" in names or (depth < 10 and any(_derives(base, classes, depth + 1) for base in inside))


def _is_base(node: ast.ClassDef, found: list[ast.ClassDef]) -> bool:
    return any(node.name in [_last(base) for base in other.bases] for other in found)


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _own(node: ast.ClassDef, name: str, classes: dict[str, ast.ClassDef], depth: int = 0) -> ast.stmt | None:
    """The statement that gives a class its attribute `name`, looked up through the bases in the same file."""
    for statement in reversed(node.body):
        if name in _targets(statement):
            return statement
    for base in (classes.get(_last(base)) for base in node.bases):
        if base is not None and base is not node and depth < 10:
            found = _own(base, name, classes, depth + 1)
            if found is not None:
                return found
    return None


def _targets(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value is not None:
        return [statement.target.id]
    return [statement.name] if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) else []


def _constants(body: list[ast.stmt], known: dict[str, Any]) -> dict[str, Any]:
    """The names that are given plain values, in order."""
    found = dict(known)
    for statement in body:
        value = getattr(statement, "value", None)
        if isinstance(statement, ast.Assign | ast.AnnAssign) and value is not None:
            for name in _targets(statement):
                try:
                    found[name] = _value(value, found)
                except _UnknownError:
                    found.pop(name, None)
    return found


def _value(node: ast.expr, constants: dict[str, Any]) -> Any:
    """A literal, a name of a constant, or a tuple, list or negation of such."""
    if isinstance(node, ast.Name) and node.id in constants:
        return constants[node.id]
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_value(item, constants) for item in node.elts)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        raise _UnknownError from None


def _declared(node: ast.ClassDef, classes: dict[str, ast.ClassDef], constants: dict[str, Any]) -> Declared:
    def attribute(name: str, default: Any) -> Any:
        value = getattr(_own(node, name, classes), "value", None)
        try:
            return default if value is None else _value(value, constants)
        except _UnknownError:
            return None

    name, title = attribute("name", ""), attribute("title", "")
    error = ""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        error = (
            f"class {node.name} needs name = \"...\" of lower-case letters, digits, '-' and '_', starting with a letter"
        )
    elif _own(node, "run", classes) is None:
        error = f"class {node.name} has no run()"
    plain = clean(name) if isinstance(name, str) and name else node.name
    params = _own(node, "Params", classes)
    settings = _settings(params, constants) if isinstance(params, ast.ClassDef) else ()
    shown = clean(title) if isinstance(title, str) and title else plain
    doc = clean(inspect.cleandoc(ast.get_docstring(node) or ""), newlines=True)
    return Declared(node.name, plain, shown, doc, bool(attribute("needs_run", False)), settings, error)


def _settings(node: ast.ClassDef, constants: dict[str, Any]) -> tuple[Setting, ...] | None:
    if node.bases:
        return None  # inherited parameters may come from anywhere
    scope = _constants(node.body, constants)
    try:
        return tuple(
            _setting(statement, scope)
            for statement in node.body
            if isinstance(statement, ast.AnnAssign) and not _last(statement.target).startswith("_")
        )
    except (_UnknownError, TypeError):
        return None


def _setting(statement: ast.AnnAssign, scope: dict[str, Any]) -> Setting:
    kind, optional = _type(statement.annotation)
    call = statement.value
    given: dict[str, Any] = {}
    default: Any = None
    if isinstance(call, ast.Call) and _last(call.func) == "param":
        given = {str(word.arg): _value(word.value, scope) for word in call.keywords}
        default = _value(call.args[0], scope) if call.args else given.pop("default", None)
    elif call is not None:
        default = _value(call, scope)
    if kind is list and default is not None:
        default = list(default)
    given["choices"] = tuple(given.get("choices", ()))
    for word in ("help", "unit"):
        given[word] = clean(given.get(word, ""))
    return Setting(_last(statement.target), kind, default, optional=optional, **given)


def _type(node: ast.expr) -> tuple[type, bool]:
    text = ast.unparse(node).strip("'\"").replace(" ", "")
    parts = text.split("|")
    if text.startswith("Optional["):
        parts = [text[len("Optional[") : -1], "None"]
    plain = [part for part in parts if part != "None"]
    if len(plain) != 1 or plain[0] not in TYPES:
        raise _UnknownError
    return TYPES[plain[0]], "None" in parts
