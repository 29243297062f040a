"""The workspace: `workbench.toml`, and where everything lies."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from workbench import files
from workbench.errors import BadInput, choose, nearest

CONFIG = "workbench.toml"
STATE = ".workbench"  # the folder of what the workbench makes
ROOMS = ("features", "runs", "sweeps", "queue", "cache", "tables")  # of the state folder
REMEMBERED = "choices.json"
CURRENT = "current.json"  # among the stores: which one was read last
NON_FINITE = ("refuse", "drop")
SUFFIXES = (
    ".csv", ".csv.gz", ".csv.zst", ".parquet", ".arrow", ".feather", ".ipc", ".npy", ".npz", ".safetensors", ".pt",
)  # fmt: skip
BESIDE = re.compile(r"[._-](labels|paths)\.npy$")  # belongs to a .npy of features and is read with it
GUESSES = {  # what the files of a folder without workbench.toml may be called, in the order tried
    "train": ("train",),
    "test 1": ("test1", "val"),
    "test 2": ("test2", "v2"),
}


class Features(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`[features]`: the files, and how to read them."""

    train: str | list[str]
    tests: dict[str, str | list[str]] = {}
    label: str | None = None
    path: str | None = None
    drop: list[str] = []
    keep: list[str] = []
    dtype: str = "float32"
    non_finite: str = "refuse"  # or "drop": leave out the rows with NaN or infinity
    in_place: bool = False
    labels_sorted_as_text: list[str] = []  # test sets whose labels number the classes 0, 1, 10, 100, ...


class Classes(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`[classes]`."""

    names: str | None = None


class Images(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`[images]`: the folder under which sample paths are looked up."""

    root: str | None = None


class Metadata(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`[metadata]`: a file of more columns, joined by path."""

    file: str | None = None


class Validation(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """`[validation]`: the part of train held out to choose by."""

    fraction: float = 0.1
    seed: int = 0


class Config(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A whole `workbench.toml`."""

    features: Features
    classes: Classes = Classes()
    images: Images = Images()
    metadata: Metadata = Metadata()
    validation: Validation = Validation()


class Choices(msgspec.Struct, frozen=True):
    """`choices.json`: what was chosen on the command line and holds until it is chosen again."""

    non_finite: str | None = None


class Current(msgspec.Struct, frozen=True):
    """`features/current.json`: which store is the workspace's, and the configuration it was read with."""

    fingerprint: str
    config: Config


class Workspace:
    """A folder of feature files and the place where the workbench keeps what it makes of them.

    `root` is the folder, `state` the place (`root/.workbench` unless another was given), `config` the checked contents
    of `workbench.toml`, or of the one that the file names imply.
    """

    def __init__(self, root: Path, config: Config, state: Path | None = None) -> None:
        self.root = root
        self.config = config
        self.state = state or root / STATE

    @classmethod
    def open(cls, folder: str | Path, state: str | Path | None = None) -> Workspace:
        """Read the workspace in `folder`.

        What the workbench makes is kept in `root/.workbench`, or in `state/.workbench`. Raises BadInput when the
        folder is missing, `workbench.toml` is wrong, or, without one, no train file is found, and UnsafeFile when the
        state folder is a link or holds one.
        """
        root = Path(folder).expanduser().absolute()
        if not root.is_dir():
            reason = "it is a file" if root.exists() else "no such folder"
            raise BadInput(f"{folder}: {reason}; expected a folder with workbench.toml or feature files")
        place = state_folder(Path(state).expanduser().resolve()) if state else root / STATE
        for room in (place, *(place / name for name in ROOMS)):
            files.folder(room)
        config = read_config(root / CONFIG) if (root / CONFIG).exists() else _implied_config(root, place)
        workspace = cls(root, config, place)
        chosen = workspace.remembered().non_finite
        if chosen is not None:
            workspace.config = msgspec.structs.replace(
                config, features=msgspec.structs.replace(config.features, non_finite=chosen)
            )
        return workspace

    @property
    def name(self) -> str:
        return self.root.resolve().name

    @property
    def features_dir(self) -> Path:
        return files.folder(self.state / "features")

    @property
    def runs_dir(self) -> Path:
        return files.folder(self.state / "runs")

    @property
    def cache_dir(self) -> Path:
        return files.folder(self.state / "cache")

    @property
    def answers_dir(self) -> Path:
        """Where the answers of analyses are kept."""
        return files.folder(self.cache_dir / "answers")

    @property
    def looks_file(self) -> Path:
        """The list of all evaluations on test sets."""
        return self.state / "test-looks.jsonl"

    @property
    def test_names(self) -> list[str]:
        return list(self.config.features.tests)

    def path(self, text: str) -> Path:
        """A path of the configuration: relative ones are under the workspace."""
        return self.root / Path(text).expanduser()

    def remembered(self) -> Choices:
        """Choices made on the command line that hold until they are made again; raises BadInput for a wrong one."""
        path = self.state / REMEMBERED
        try:
            choices = msgspec.json.decode(files.read_bytes(path), type=Choices)
        except (FileNotFoundError, NotADirectoryError):
            return Choices()
        except (OSError, msgspec.DecodeError) as error:
            raise BadInput(f"{path}: cannot be read ({error}); remove it") from None
        if choices.non_finite not in (None, *NON_FINITE):
            raise BadInput(f"{path}: non_finite = {choices.non_finite!r}: expected one of {', '.join(NON_FINITE)}")
        return choices

    def remember(self, *, non_finite: str) -> None:
        """Keep how rows with NaN or infinity are met, beside the store; raises BadInput for an unknown way."""
        choose(non_finite, NON_FINITE, "way with non-finite values")
        self.writable()
        files.write_json(self.state / REMEMBERED, Choices(non_finite))

    def writable(self) -> None:
        """Make the state folder; raises BadInput, offering `--state`, when that cannot be."""
        try:
            files.folder(self.state, make=True)
            files.probe(self.state)
        except OSError as error:
            raise BadInput(
                f"{self.state}: cannot be written ({error.strerror}); choose a writable folder with --state DIR"
            ) from None


def read_config(path: Path) -> Config:
    """`workbench.toml`, checked; raises BadInput naming the file, the key and the nearest spelling."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not readable as TOML: {error}") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    for table, key, known in _unknown_keys(raw):
        where = f"[{table}] {key}" if table else f"[{key}]"
        raise BadInput(f"{path}: unknown key {where}{nearest(key, known)} (known: {', '.join(known)})")
    if "features" not in raw or "train" not in raw.get("features", {}):
        raise BadInput(
            f'{path}: key [features] train is missing; set it to the training file, e.g. train = "train_*.csv"'
        )
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        reason = re.sub(r"^(.*) - at `\$\.(.*)`$", r"key \2: \1", str(error))
        raise BadInput(f"{path}: {reason}") from None
    _check(config, path)
    return config


def _unknown_keys(raw: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    tables = {field.encode_name: field.type for field in msgspec.structs.fields(Config)}
    for name, value in raw.items():
        if name not in tables:
            yield "", name, list(tables)
        elif isinstance(value, dict):
            known = [field.encode_name for field in msgspec.structs.fields(tables[name])]
            yield from ((name, key, known) for key in value if key not in known)


def _check(config: Config, path: Path) -> None:
    features, validation = config.features, config.validation
    for key, value, allowed in (
        ("[features] dtype", features.dtype, ("float32", "float16")),
        ("[features] non_finite", features.non_finite, NON_FINITE),
    ):
        if value not in allowed:
            raise BadInput(f"{path}: {key} = {value!r}: expected one of {', '.join(allowed)}{nearest(value, allowed)}")
    if not 0 <= validation.fraction < 1:
        raise BadInput(f"{path}: [validation] fraction = {validation.fraction}: expected a number from 0 to below 1")
    for name in features.tests:
        if not is_test_name(name):
            raise BadInput(
                f"{path}: [features.tests] {name!r}: a test set's name is at most 100 letters, digits and '_.+-', does "
                "not start with a dot or end with '.range', and is not 'train'"
            )


def guess_config(root: Path) -> Config:
    """The configuration that the names of the files in `root` imply; raises BadInput when there is no train file."""
    files = (entry.name for entry in root.iterdir() if entry.is_file() and entry.name.lower().endswith(SUFFIXES))
    names = sorted((name for name in files if not BESIDE.search(name)), key=natural)
    matches: dict[str, list[str]] = {}
    for role, starts in GUESSES.items():
        for start in starts:
            matching = [name for name in names if re.match(rf"{start}(?![a-z])", name.lower())]
            if matching:
                matches[role] = [start, *matching]
                break
    if "train" not in matches:
        seen = (
            f"it contains {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"
            if names
            else "it contains no feature files"
        )
        raise BadInput(
            f"{root}: no training file: {seen}; name the files train*, test1* (or val*) and test2* (or v2*), "
            f"or say in {CONFIG} which is which"
        )
    tests = {matches[role][0]: matches[role][1:] for role in ("test 1", "test 2") if role in matches}
    classes = next((name for name in ("classes.csv", "classes.txt") if (root / name).is_file()), None)
    metadata = "metadata.csv" if (root / "metadata.csv").is_file() else None
    images = "images" if (root / "images").is_dir() else None
    return Config(
        features=Features(train=matches["train"][1:], tests=dict(tests)),
        classes=Classes(classes),
        images=Images(images),
        metadata=Metadata(metadata),
    )


def is_test_name(name: str) -> bool:
    """Whether a test set may be called so: its name becomes part of file names."""
    return name != "train" and not name.endswith(".range") and files.NAME.fullmatch(name) is not None


def state_folder(folder: Path) -> Path:
    """Where `--state given` keeps things: in a folder of the workbench's own in it, since others' files may lie beside.

    A state folder given itself, also one that an earlier version kept in `given` directly, is used as it is.
    """
    old = files.is_folder(folder / "features") and not (folder / STATE).exists() and read_current(folder) is not None
    return folder if folder.name == STATE or old else folder / STATE


def read_current(state: Path) -> Current | None:
    """Which store was read last; None without one. Raises BadInput for names in it that cannot be a store's."""
    path = files.folder(state / "features") / CURRENT
    try:
        current = msgspec.json.decode(files.read_bytes(path), type=Current)
    except (OSError, msgspec.DecodeError):
        return None
    files.name(current.fingerprint, "store", path)
    _check(current.config, path)
    return current


def natural(name: str) -> list[int | str]:
    """Sort key under which shard 2 comes before shard 10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _implied_config(root: Path, state: Path) -> Config:
    """What the file names imply or, where the files are gone, what the store that was read from them remembers."""
    try:
        return guess_config(root)
    except BadInput:
        current = read_current(state)
        if current is None:
            raise
        return current.config


def user_dir() -> Path:
    """The user's own folder for keymap and plugins; `WORKBENCH_CONFIG_DIR` names another."""
    override = os.environ.get("WORKBENCH_CONFIG_DIR")
    if override:
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_config_dir("workbench"))


def shipped(name: str) -> Path:
    """The folder `plugins` or `data` of this installation: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).parent
    inside = package / "_shipped" / name
    return inside if inside.is_dir() else package.parent / name
