"""Data sets in memory, and mini-batches of them. Knows nothing of networks or configs.

Imports nothing here: the parts that only look at files work without torch.
"""
