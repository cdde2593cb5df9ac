"""How well a network knows what it was trained on, and how large its scales are."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from rich.console import Console

from bnrepro.config import RunConfig
from bnrepro.runs.tags import TRAINING_SET_ACCURACY, gamma_of
from bnrepro.training.evaluator import Evaluator
from bnrepro.training.measures import MEASURES
from bnrepro.training.session import build_session

SmallRun = Callable[..., RunConfig]


def test_it_looks_at_training_examples_and_not_at_held_out_ones(small_run: SmallRun) -> None:
    session = build_session(small_run("norm=none", "data.train_examples=60"), Console(quiet=True))
    guess = session.model(session.dataset.to_input(session.dataset.train.images)).argmax(1)
    labels = torch.where(torch.arange(60) < 45, guess, (guess + 1) % 10)
    train = replace(session.dataset.train, labels=labels)
    session = replace(session, dataset=replace(session.dataset, train=train))
    row = MEASURES["training_set"](Evaluator(session).subject(0)).row
    assert row[TRAINING_SET_ACCURACY] == pytest.approx(45 / 60)


def test_gamma_is_measured_where_there_is_one(small_run: SmallRun) -> None:
    session = build_session(small_run("model.hidden=[4,4]"), Console(quiet=True))
    session.model.hidden[1].norm.weight.data = torch.tensor([1.0, -2.0, 3.0, 0.0])
    row = MEASURES["gamma"](Evaluator(session).subject(0)).row
    assert row == {gamma_of("hidden.0"): 1.0, gamma_of("hidden.1"): 1.5}
    bare = build_session(small_run("norm.gamma=false", "model.hidden=[4]"), Console(quiet=True))
    assert MEASURES["gamma"](Evaluator(bare).subject(0)).row == {}
