"""Power fails at every moment of a run: every state that its disk can then be in is looked at."""

import random

import pytest

from reliability.power_loss import Survey, surveys


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Survey, Survey]:
    return surveys(tmp_path_factory.mktemp("power"))


@pytest.mark.parametrize("which", [0, 1], ids=["fresh", "resumed"])
def test_no_state_has_lost_what_was_promised(surveyed: tuple[Survey, Survey], which: int) -> None:
    survey = surveyed[which]
    losses = [survey.loss(*state) for state in survey.recording.states()]
    assert len(losses) > 100
    assert not any(losses)


def test_every_flush_is_needed(surveyed: tuple[Survey, Survey]) -> None:
    """Without it there is a state in which something is lost; so the simulation can see it."""
    sites = set().union(*(survey.recording.sites() for survey in surveyed))
    assert len(sites) > 5
    needless = {
        site
        for site in sites
        if not any(
            survey.loss(*state)
            for survey in surveyed
            for state in survey.recording.without(site).states()
        )
    }
    assert not needless


@pytest.mark.parametrize("which", [0, 1], ids=["fresh", "resumed"])
def test_what_goes_on_ends_as_if_never_stopped(surveyed: tuple[Survey, Survey], which: int) -> None:
    survey = surveyed[which]
    states = [state for state, _ in survey.recording.states()]
    for state in random.Random(2015).sample(states, 5):
        assert survey.finish(state) == ""
