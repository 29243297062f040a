"""The registry of readers: adding a format is adding a class and one word here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.errors import BadInput
from workbench.features.arrays import NpySource, NpzSource, PtSource, SafetensorsSource
from workbench.features.columns import ColumnOptions
from workbench.features.source import Source
from workbench.features.tables import ArrowSource, CsvSource, ParquetSource

READERS: tuple[type[Source], ...] = (
    CsvSource, ParquetSource, ArrowSource, NpySource, NpzSource, SafetensorsSource, PtSource,
)  # fmt: skip


def open_source(files: Sequence[Path], options: ColumnOptions) -> Source:
    """The reader for these files; raises BadInput for a suffix that none reads, or several kinds in one split."""
    kinds = {next((r for r in READERS if file.name.lower().endswith(r.suffixes)), None) for file in files}
    if None in kinds or len(kinds) != 1:
        names = ", ".join(file.name for file in files[:5])
        if None in kinds:
            known = ", ".join(suffix for reader in READERS for suffix in reader.suffixes)
            raise BadInput(f"{files[0].parent}: {names}: unsupported file type (supported: {known})")
        raise BadInput(f"{files[0].parent}: {names}: all files of a split must have the same type")
    reader = kinds.pop()
    assert reader is not None
    return reader(files, options)
