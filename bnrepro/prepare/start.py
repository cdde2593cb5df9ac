"""How large the signal is that an untrained network passes on."""

from collections.abc import Mapping

import pandas as pd
import torch
from rich.console import Console

from bnrepro.config import RunConfig
from bnrepro.training.session import build_session

_EXAMPLES = 256


@torch.no_grad()
def measure_starts(configs: Mapping[str, RunConfig]) -> pd.DataFrame:
    """The spread of each network's logits before the first update.

    A row a line: the root mean square, over held-out examples and classes, of a logit's distance
    from its mean over the examples, with each layer that normalizes doing so by these examples.
    An answer that hardly depends on the image has a small one.

    Args:
        configs: by the line's label.
    """
    rows = []
    for label, config in configs.items():
        session = build_session(config, Console(quiet=True), "cpu")
        for module in session.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.eval()
        # Evenly spaced: held-out images may be sorted by class.
        test = session.dataset.test
        images = test.images[:: max(1, len(test) // _EXAMPLES)][:_EXAMPLES].to("cpu")
        logits_NK = session.model(session.dataset.to_input(images))
        logits_NK = logits_NK if isinstance(logits_NK, torch.Tensor) else logits_NK[0]
        spread = (logits_NK - logits_NK.mean(0)).square().mean().sqrt()
        rows.append({"line": label, "logit_spread": float(spread)})
    return pd.DataFrame(rows)
