"""Options of a group chosen in place of a preset's own."""

from itertools import pairwise

import pytest

from bnrepro.config import load
from bnrepro.errors import UserError


def test_what_a_preset_sets_of_another_option_falls_away() -> None:
    """Once a complaint about data.channels, which nobody had typed."""
    digits = load(["experiment=fig2/bn_x5", "scale=smoke"])
    assert digits.data.channels == 3
    chosen = ["data=image_folder", "data.folder=pictures"]
    assert load(["experiment=fig2/bn_x5", "scale=smoke", *chosen]).data.folder == "pictures"
    assert load(["experiment=fig1/with_bn", "model=torchvision"]).model.name == "resnet18"


@pytest.mark.parametrize("override", ["model.init_std=3", "+model.hidden=[3]"])
def test_what_the_user_types_of_another_option_does_not(override: str) -> None:
    with pytest.raises(UserError) as error:
        load(["model=torchvision", override])
    assert f"{override}: no such key here" in str(error.value)


def test_an_optimizer_in_place_of_the_presets_has_its_own_rate() -> None:
    optim = load(["experiment=fig2/bn_x5", "optim=adam", "optim.weight_decay=0.1"]).optim
    assert (optim.lr, optim.lr_multiplier, optim.decay_factor) == (0.001, 1, 1)
    assert optim.weight_decay == 0.1
    assert load(["experiment=fig2/bn_x5", "optim=sgd"]).optim.lr == 0.0015


def test_key_of_another_optimizer_is_refused() -> None:
    with pytest.raises(UserError, match=r"optim.momentum=0.9: no such key here"):
        load(["optim=adam", "optim.momentum=0.9"])


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_schedules_rise_over_the_warmup_and_fall_to_nothing(name: str) -> None:
    shared = [f"optim={name}", "optim.lr=2", "steps=110", "optim.warmup_steps=10"]
    for schedule, half in (("linear", 1), ("cosine", 1)):
        config = load([*shared, f"optim.schedule={schedule}"])
        rates = [config.learning_rate(step) for step in range(110)]
        assert rates[:10] == pytest.approx([0.2 * (step + 1) for step in range(10)])
        assert rates[10] == 2
        assert rates[60] == pytest.approx(half)
        assert all(later < rate for rate, later in pairwise(rates[10:]))
        assert 0 < rates[-1] < 0.03
    constant = load(shared)
    assert constant.learning_rate(109) == constant.learning_rate(10) == 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optim.warmup_steps=1000", "optim.warmup_steps=1000: must be below steps="),
        ("optim.nesterov=true", "optim.nesterov=true: needs optim.momentum"),
        ("optim.schedule=step", "optim.schedule=step: must be 'exponential', "),
        ("optim.name=adagrad", "optim.name=adagrad: no such optim; did you mean"),
    ],
)
def test_what_no_schedule_can_be_is_said(override: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        load(["steps=100", override])
    assert message in str(error.value)
