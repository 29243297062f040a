"""Training: from a view of train and val to a trained head. No test set can be reached from here.

What happens on the way is told to a `Recorder`; this package knows nothing of runs, files of runs, or screens.
"""
