"""A terminal workbench for classification heads on precomputed deep features."""

__version__ = "0.1.0"
