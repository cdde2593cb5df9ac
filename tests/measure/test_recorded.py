"""Numbers of what measures recorded."""

import numpy as np
import pytest

from bnrepro.measure import recorded
from tests.synthetic import ended_run

RUN = ended_run([0.1, 0.5, 0.9], tags={"a": [1.0, 2.0, 4.0], "b": [4.0, 2.0, np.nan]})


def test_start_and_end_are_geometric_means_over_tags() -> None:
    assert recorded.start(RUN, ["a", "b"]) == pytest.approx(2)
    assert recorded.end(RUN, ["a"]) == 4
    assert recorded.end(RUN, ["a", "b"]) == pytest.approx(2), "where all were recorded"


def test_over_training_takes_differences() -> None:
    assert recorded.over_training(RUN, "a") == pytest.approx(2)
    high_and_low = ended_run([0.1, 0.2], tags={"high": [3.0, 10.0], "low": [2.0, 6.0]})
    assert recorded.over_training(high_and_low, "high", "low") == pytest.approx(2)
    assert recorded.average(RUN, ["a"]) == pytest.approx(7 / 3)


def test_what_was_not_recorded_is_no_number() -> None:
    for of_tags in (recorded.start, recorded.end, recorded.average):
        assert of_tags(RUN, ["c"]) is None
        assert of_tags(RUN, []) is None
    assert recorded.over_training(RUN, "c") is None
    assert recorded.final(RUN, "c") is None
    assert recorded.final(RUN, "a", minus="c") is None
    end = recorded.quantity("end", "", "number", lambda run: recorded.end(run, ["a"]))
    ratio = recorded.times_references("r", "", end)
    assert ratio.measure(RUN, ended_run([0.1])) is None
    assert ratio.measure(RUN, RUN) == 1


def test_final_is_the_mean_of_the_last_five_and_takes_differences() -> None:
    run = ended_run([0.1] * 6, tags={"a": [9.0, 1.0, 2.0, 3.0, 4.0, 5.0], "b": [1.0] * 6})
    assert recorded.final(run, "a") == 3
    assert recorded.final(run, "a", minus="b") == 2


def test_run_that_diverged_has_no_end() -> None:
    run = ended_run([0.1, 0.5], tags={"a": [1.0, 2.0]}, diverged=True)
    assert np.isnan(recorded.end(run, ["a"]))
    assert np.isnan(recorded.final(run, "a"))
    assert recorded.start(run, ["a"]) == 1


def test_hidden_layers_are_those_before_the_output() -> None:
    tags = [f"gradient/{layer}/norm" for layer in ("hidden.0", "hidden.1", "output")]
    run = ended_run([0.1], tags={"probe/x/y": [0.0], **{tag: [1.0] for tag in tags}})
    assert recorded.hidden_layers(run, "gradient") == ["hidden.0", "hidden.1"]
    assert recorded.hidden_layers(run, "gradient_shift") == []
