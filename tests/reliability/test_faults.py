"""Every fault of scripts/faults.py, done to real processes: nothing is lost."""

import pytest

from faults import NAMES, Laboratory

# They come at a moment that is a condition, not a guess.
_ALWAYS = ("memory", "share_folder")


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    return Laboratory(tmp_path_factory.mktemp("faults"))


# Power loss: tests/reliability, where more is asked of it.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "power_loss"])
def test_nothing_is_lost(laboratory: Laboratory, name: str) -> None:
    result = laboratory.run(name, tries=1)
    if result is None:
        pytest.skip("needs root")
    assert not result.losses
    assert result.seen
    if name in _ALWAYS:
        assert not [seen for seen in result.seen if "it had ended" in seen]
