"""Reproduces the Batch Normalization paper (Ioffe & Szegedy, 2015)."""

__version__ = "0.1.0"
