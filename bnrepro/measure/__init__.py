"""Numbers from rows: curves, intervals, quantities, verdicts. Knows no study and no picture."""
