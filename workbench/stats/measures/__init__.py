"""Measures of how far one feature's distribution in split b has moved from that in split a. The one registry of them.

A measure is one file here and one line in `MEASURES`, from which the columns of tables, the choices to sort by and
their help follow.
"""

from __future__ import annotations

from workbench.stats.measures import ks, sd_ratio, smd, wasserstein, wasserstein_sd
from workbench.stats.measures.measure import Measure
from workbench.stats.measures.pair import Pair

__all__ = ["MEASURES", "Measure", "Pair"]

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        ks.MEASURE,
        wasserstein.MEASURE,
        wasserstein_sd.MEASURE,
        smd.MEASURE,
        sd_ratio.MEASURE,
    )
}
