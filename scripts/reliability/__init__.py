"""What can happen to a run, done to it on purpose: for `scripts/faults.py` and the tests."""
