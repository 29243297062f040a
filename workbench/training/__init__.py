"""Training: from a view of train and val to a trained head. No test set can be reached from here.

Progress is reported to a `Recorder`; this package knows nothing of runs, their files, or screens.
"""
