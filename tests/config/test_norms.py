"""Normalizations that do not fit the network or the mini-batch are refused in one line."""

import pytest

from bnrepro.config import load
from bnrepro.errors import UserError

MLP = "experiment=fig1/with_bn"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([MLP, "norm=whitening"], "batch_size=60: whitening needs more examples than model.hidden"),
        ([MLP, "norm=whitening", "batch_size=100"], "use batch_size=101 or more"),
        (
            [MLP, "norm=batch_ghost", "norm.examples=7"],
            "norm.examples=7: does not divide batch_size=60; use a divisor of it",
        ),
        ([MLP, "norm=batch_ghost", "norm.examples=1"], "norm.examples=1: must be at least 2"),
        ([MLP, "norm=instance"], "norm=instance: model.hidden[0] is fully connected"),
        ([MLP, "norm=batch_renorm", "batch_size=1"], "needs a mini-batch of at least 2 examples"),
        (
            ["model=torchvision", "norm.placement=after"],
            "norm.placement=after: not for model=resnet18; use model=mlp, cnn or convnet",
        ),
        (
            ["data=mnist", "measures=[training_set]"],
            "data.binarize=sample: every step trains on other pixels",
        ),
    ],
)
def test_what_does_not_fit_is_said(overrides: list[str], message: str) -> None:
    with pytest.raises(UserError) as error:
        load(overrides)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_new_options_leave_earlier_runs_their_ids() -> None:
    from bnrepro.config.identity import computation

    values = computation(load(["model=mlp", "norm=batch"]))
    assert not {"gamma", "beta", "placement", "bias"} & set(values["norm"])
    assert not {"dropout", "dropout_place"} & set(values["model"])
