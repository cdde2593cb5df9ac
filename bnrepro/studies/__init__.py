"""Numerical checks of the paper's statements that need no training run."""


def scale_invariance() -> str:
    """The table of Section 3.3, as CSV; imports torch only when it is called."""
    from bnrepro.studies.scaled_weights import compare_scaled_weights

    return compare_scaled_weights()
