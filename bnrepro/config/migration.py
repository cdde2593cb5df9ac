"""What earlier versions stored, in the words of this one."""

from typing import Any


def migrate(values: dict[str, Any]) -> dict[str, Any]:
    """A stored config in the keys of the present schema; one that has them stays as it is.

    The first schema had a switch where there is a measure now (``probe.enabled``,
    ``evaluation.compare``), and called ``model.conv_gain`` ``init_gain``.

    Args:
        values: as stored; they stay as they are.

    Raises:
        KeyError, TypeError, AttributeError: they are no config of any version.
    """
    values = dict(values)
    if "measures" not in values:
        evaluation, probe = dict(values["evaluation"]), dict(values["probe"])
        values["measures"] = []
        if evaluation.pop("compare", False):
            values["measures"] += ["evaluation_statistics"]
        if probe.pop("enabled"):
            values["measures"] += ["activation_inputs", "activation_histograms"]
        values |= {"evaluation": evaluation, "probe": probe}
    if "init_gain" in values["model"]:
        model = dict(values["model"])
        model["conv_gain"] = model.pop("init_gain")
        values["model"] = model
    return values
