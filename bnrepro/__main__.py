"""``python -m bnrepro``."""

from bnrepro.cli import main

main()
