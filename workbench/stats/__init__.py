"""Pure numerics: arrays in, arrays out; no files, no workspace, no interface. Plugins get it as `workbench.api.stats`.

What most analyses need stands here by name; the rest is in the modules:

- `stats.confusion`: counts of a confusion matrix, precision, recall and F1 of each class, pairs confused and changed.
- `stats.calibration`: expected calibration error, and the reliability curve behind it.
- `stats.bootstrap`: percentile intervals of macro averages and of calibration error.
- `stats.paired`: McNemar's exact test and the paired bootstrap, for two classifiers on the same samples.
- `stats.divergence`, `stats.measures`: how far the distributions of features differ, measure by measure.
- `stats.smoothing`: moving averages.

scipy is imported by the functions that need it, when they are first called.
"""

from workbench.stats import bootstrap, calibration, confusion, divergence, measures, paired, smoothing
from workbench.stats.calibration import expected_calibration_error, reliability
from workbench.stats.intervals import clopper_pearson, newcombe_difference, wilson
from workbench.stats.paired import mcnemar_exact
from workbench.stats.significance import benjamini_hochberg, holm, two_proportion_z, two_sided_p

__all__ = [
    "benjamini_hochberg",
    "bootstrap",
    "calibration",
    "clopper_pearson",
    "confusion",
    "divergence",
    "expected_calibration_error",
    "holm",
    "mcnemar_exact",
    "measures",
    "newcombe_difference",
    "paired",
    "reliability",
    "smoothing",
    "two_proportion_z",
    "two_sided_p",
    "wilson",
]
