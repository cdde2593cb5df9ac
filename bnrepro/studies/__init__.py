"""Numerical checks of the paper's statements that need no training run."""
