"""What a plugin file declares, read from its syntax tree without running any of it.

Every step is linear in the size of the file. Python does not bound the cost of parsing, so untrusted text is read in a
separate process by `workbench.plugins.reader`.
"""

from __future__ import annotations

import ast
import re
import threading
from dataclasses import dataclass, field
from typing import Any

from workbench.settings import Setting
from workbench.text import clean

LARGEST = 256 << 10  # bytes of a file that declares analyses
MOST_ANALYSES = 100  # in one file
LONGEST_TITLE, LONGEST_DOC = 200, 10_000  # characters
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
TYPES: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str, "list[int]": list}
ATTRIBUTES = ("name", "title", "needs_run", "run", "Params")
BOUNDS = ("ge", "gt", "le", "lt")
WORDS = ("help", "unit", "kind")
_PARSING = threading.Lock()  # Python 3.11 raises SystemError when two threads are in ast.parse at once


class NotAnAnalysis(Exception):  # noqa: N818 - it says what the file is
    """A file that brings no usable analysis; the message says why."""


@dataclass(frozen=True)
class Declared:
    """One analysis as its class declares it; `settings` is None when they are only known by running the file."""

    class_name: str
    name: str
    title: str
    doc: str
    needs_run: bool
    settings: tuple[Setting, ...] | None
    error: str = ""


@dataclass
class _Class:
    """A class of the file: whether it derives from Analysis, and the statements that give it its attributes."""

    node: ast.ClassDef
    derives: bool
    attributes: dict[str, ast.stmt] = field(default_factory=dict)


class _UnknownError(Exception):
    """A value that only running the code would give."""


def read_analyses(text: str) -> list[Declared]:
    """The analyses in a file: its classes that derive from a class called `Analysis`.

    Raises NotAnAnalysis for text that cannot be parsed, is too long, or contains none.
    """
    if len(text) > LARGEST:
        raise NotAnAnalysis(f"larger than {LARGEST >> 10} KiB; move parts of it into a module next to it")
    try:
        with _PARSING:
            tree = ast.parse(text)
        return _analyses(tree)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        raise NotAnAnalysis(f"{where}{clean(error.msg)}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotAnAnalysis(f"not readable as Python ({clean(error)})") from None


def _analyses(tree: ast.Module) -> list[Declared]:
    classes = _classes(tree)
    deriving = [one for one in classes if one.derives]
    bases = {_last(base) for one in deriving for base in one.node.bases}
    named = [one for one in deriving if "name" in one.attributes or one.node.name not in bases]
    if not named:
        raise NotAnAnalysis("it has no subclass of workbench.api.Analysis")
    if len(named) > MOST_ANALYSES:
        raise NotAnAnalysis(f"it declares {len(named):,} analyses; at most {MOST_ANALYSES} per file are allowed")
    constants = _constants(tree.body, {})
    return [_declared(one, constants) for one in named]


def _classes(tree: ast.Module) -> list[_Class]:
    """The classes of a file, the last of those with one name; a base stands above the class, as Python needs it."""
    classes: dict[str, _Class] = {}
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        names = [_last(base) for base in node.bases]
        bases = [classes[name] for name in names if name in classes]
        one = _Class(node, "Analysis" in names or any(base.derives for base in bases))
        for base in reversed(bases):
            one.attributes |= base.attributes
        for statement in node.body:
            one.attributes |= {name: statement for name in _targets(statement) if name in ATTRIBUTES}
        classes.pop(node.name, None)
        classes[node.name] = one
    return list(classes.values())


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _targets(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value is not None:
        return [statement.target.id]
    return [statement.name] if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) else []


def _constants(body: list[ast.stmt], known: dict[str, Any]) -> dict[str, Any]:
    """The names that are given plain values, in order."""
    constants = dict(known)
    for statement in body:
        value = getattr(statement, "value", None)
        if isinstance(statement, ast.Assign | ast.AnnAssign) and value is not None:
            for name in _targets(statement):
                try:
                    constants[name] = _value(value, constants)
                except _UnknownError:
                    constants.pop(name, None)
    return constants


def _value(node: ast.expr, constants: dict[str, Any]) -> Any:
    """A plain value, or a tuple or list of such as a tuple."""
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_scalar(item, constants) for item in node.elts)
    if isinstance(node, ast.Name) and node.id in constants:
        return constants[node.id]
    return _scalar(node, constants)


def _scalar(node: ast.expr, constants: dict[str, Any]) -> Any:
    """A bool, number, text or None: a literal, a negative number, or the name of a constant that is one."""
    value: Any = ...
    if isinstance(node, ast.Name):
        value = constants.get(node.id, ...)
    elif isinstance(node, ast.Constant):
        value = node.value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        number = node.operand.value
        value = -number if isinstance(number, int | float) else ...
    if isinstance(value, str):
        return _printable(value)
    if value is not None and type(value) not in (bool, int, float):
        raise _UnknownError
    return value


def _declared(one: _Class, constants: dict[str, Any]) -> Declared:
    node = one.node

    def attribute(name: str, default: Any) -> Any:
        value = getattr(one.attributes.get(name), "value", None)
        try:
            return default if value is None else _value(value, constants)
        except _UnknownError:
            return None

    name, title = attribute("name", ""), attribute("title", "")
    error = ""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        error = (
            f"class {node.name} needs name = \"...\" of lower-case letters, digits, '-' and '_', starting with a "
            "letter, at most 80"
        )
    elif "run" not in one.attributes:
        error = f"class {node.name} has no run()"
    plain = _short(clean(name), LONGEST_TITLE) if isinstance(name, str) and name else node.name
    params = one.attributes.get("Params")
    settings = _settings(params, constants) if isinstance(params, ast.ClassDef) else ()
    shown = _short(clean(title), LONGEST_TITLE) if isinstance(title, str) and title else plain
    doc = _short(clean(_printable(ast.get_docstring(node) or ""), newlines=True), LONGEST_DOC)
    return Declared(node.name, plain, shown, doc, bool(attribute("needs_run", False)), settings, error)


def _printable(text: str) -> str:
    """`text` without halves of surrogate pairs, which no terminal and no file takes."""
    return text.encode("utf-8", "replace").decode()


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} ..."


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
    options: dict[str, Any] = {}
    default: Any = None
    if isinstance(call, ast.Call) and _last(call.func) == "param":
        options = {str(word.arg): _value(word.value, scope) for word in call.keywords}
        default = _value(call.args[0], scope) if call.args else options.pop("default", None)
    elif call is not None:
        default = _value(call, scope)
    if kind is list and default is not None:
        default = list(default)
    options["choices"] = tuple(options.get("choices", ()))
    options |= {word: clean(options.get(word, "")) for word in WORDS}
    bounds = [options[bound] for bound in BOUNDS if options.get(bound) is not None]
    if not all(isinstance(one, str) for one in options["choices"]) or not all(
        type(one) in (int, float) for one in bounds
    ):
        raise _UnknownError
    return Setting(_last(statement.target), kind, default, optional=optional, **options)


def _type(node: ast.expr) -> tuple[type, bool]:
    parts = _spelled(node).split("|")
    if parts[0].startswith("Optional["):
        parts = [parts[0][len("Optional[") : -1], "None"]
    plain = [part for part in parts if part != "None"]
    if len(plain) != 1 or plain[0] not in TYPES:
        raise _UnknownError
    return TYPES[plain[0]], "None" in parts


def _spelled(node: ast.expr) -> str:
    """An annotation as text without spaces: a name, `x | None`, `list[int]` or `Optional[x]`, or one in quotes."""
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, str)):
        return str(node.value).replace(" ", "")
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return f"{_spelled(node.left)}|{_spelled(node.right)}"
    if isinstance(node, ast.Subscript):
        return f"{_spelled(node.value)}[{_spelled(node.slice)}]"
    return _last(node)
