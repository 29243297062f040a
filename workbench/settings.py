"""Settings declared once: one declaration gives the form on screen, the command-line options and the checks.

Used for the parameters of analyses (`class Params`) and the settings of heads and of training.
"""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from workbench.errors import BadInput, nearest

T = TypeVar("T")
TRUE, FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


@dataclass(frozen=True)
class Setting:
    """One declared setting: its type, default, allowed values and help."""

    name: str
    type: type  # bool, int, float, str or list (of int)
    default: Any
    help: str = ""
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    choices: tuple[str, ...] = ()
    kind: str = ""  # "split", "run", "feature": the form offers what the workspace has
    unit: str = ""
    optional: bool = False

    @property
    def allowed(self) -> str:
        """The allowed values in words, empty when everything of the type is allowed."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        parts = [
            f"{sign} {bound:g}"
            for sign, bound in ((">=", self.ge), (">", self.gt), ("<=", self.le), ("<", self.lt))
            if bound is not None
        ]
        return " and ".join(parts)

    def convert(self, value: object, where: str = "") -> Any:
        """`value`, or the text of it, as this setting's type; raises BadInput outside the allowed values."""
        assignment = f"{where}{self.name} = {value!r}"
        if value is None or (self.optional and str(value).lower() in {"", "none"}):
            if self.optional:
                return None
            raise BadInput(f"{assignment}: missing value")
        try:
            out = self._parse(value)
        except (TypeError, ValueError):
            kind = "a comma-separated list of whole numbers" if self.type is list else _KINDS[self.type]
            raise BadInput(f"{assignment}: expected {kind}") from None
        if self.choices and out not in self.choices:
            raise BadInput(f"{assignment}: expected {self.allowed}{nearest(str(out), self.choices)}")
        if not all(self._within(item) for item in (out if isinstance(out, list) else [out])):
            raise BadInput(f"{assignment}: expected {self.allowed or 'a finite number'}")
        return out

    def _parse(self, value: object) -> Any:
        if self.type is bool:
            word = str(value).lower()
            if word not in TRUE | FALSE:
                raise ValueError
            return word in TRUE
        if self.type is list:
            items = value.split(",") if isinstance(value, str) else list(typing.cast(Iterable[Any], value))
            return [int(item) for item in items if str(item).strip()]
        if self.type is int and isinstance(value, str):
            number = float(value)  # so that 1e3 and 10_000 are accepted as whole numbers
            if number != int(number):
                raise ValueError
            return int(number)
        if self.type is int and (isinstance(value, bool) or value != int(typing.cast(int, value))):
            raise ValueError
        return self.type(value)

    def _within(self, value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return True
        return (
            math.isfinite(value)
            and (self.ge is None or value >= self.ge)
            and (self.gt is None or value > self.gt)
            and (self.le is None or value <= self.le)
            and (self.lt is None or value < self.lt)
        )


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def param(
    default: Any,
    *,
    help: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    choices: Iterable[str] = (),
    kind: str = "",
    unit: str = "",
) -> Any:
    """Declare a parameter: `top: int = param(20, help="rows to show", ge=1)`.

    The annotation gives the type: bool, int, float, str, `list[int]`, or one of these `| None`. `kind="split"` makes
    the form offer the splits of the workspace (a split's name, or `test1` and `test2` for the chosen pair).
    """
    return Setting("", str, default, help, ge, gt, le, lt, tuple(choices), kind, unit)


class Choice(Protocol):
    """An entry of a registry whose names are the choices of a setting."""

    @property
    def help(self) -> str: ...


def described(text: str, choices: Mapping[str, Choice]) -> str:
    """The help of a setting from what the registry of its choices says of each: `text; first: ...; second: ...`."""
    return "; ".join([text, *(f"{name}: {choice.help}" for name, choice in choices.items())])


def declared(owner: type) -> dict[str, Setting]:
    """The settings that a class declares, in order, those of its bases first."""
    hints = typing.get_type_hints(owner)
    settings: dict[str, Setting] = {}
    for base in reversed(owner.__mro__):
        for name in inspect.get_annotations(base):
            value = getattr(owner, name, None)
            if name.startswith("_") or typing.get_origin(hints[name]) is typing.ClassVar:
                continue
            plain = value if isinstance(value, Setting) else Setting(name, str, value)
            kind, optional = _plain_type(hints[name], f"{owner.__qualname__}.{name}")
            settings[name] = Setting(**{**vars(plain), "name": name, "type": kind, "optional": optional})
    return settings


def _plain_type(hint: Any, where: str) -> tuple[type, bool]:
    optional = False
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        optional = len(rest) < len(typing.get_args(hint))
        hint = rest[0]
    plain = typing.get_origin(hint) or hint
    if plain not in (bool, int, float, str, list):
        raise TypeError(f"{where}: a parameter is bool, int, float, str or list[int], not {hint}")
    return plain, optional


def resolve(owner: type[T], values: Mapping[str, object], where: str = "") -> T:
    """An instance of `owner` with every declared setting given its value or default, converted and checked.

    `where` starts the messages, e.g. `"head linear: "`. Raises BadInput for an unknown name (with the nearest
    spelling) and for a value of the wrong type or outside the allowed range.
    """
    known = declared(owner)
    for name in values:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise BadInput(f"{where}unknown setting {name!r}{nearest(name, known)} (known: {listed})")
    instance = owner()
    for name, setting in known.items():
        value = setting.convert(values[name], where) if name in values else setting.default
        setattr(instance, name, value)
    return instance


def values_of(instance: object) -> dict[str, Any]:
    """The settings of a resolved instance as a plain dictionary, in declared order."""
    return {name: getattr(instance, name) for name in declared(type(instance))}


def parse_pairs(pairs: Iterable[str], option: str = "--set") -> dict[str, str]:
    """`["lr=1e-3", ...]` as a dictionary; raises BadInput for an entry without `=`."""
    out: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name.strip():
            raise BadInput(f"{option} {pair!r}: expected name=value, e.g. {option} lr=1e-3")
        out[name.strip()] = value.strip()
    return out
