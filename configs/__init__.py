"""The Hydra configuration groups; packaged as ``bnrepro.configs``."""
