"""Options of a group chosen in place of a preset's own."""

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
