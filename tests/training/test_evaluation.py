from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch
from rich.console import Console

from bnrepro.config import RunConfig
from bnrepro.config.options.evaluation import Measure
from bnrepro.data.dataset import Dataset, Split
from bnrepro.nn import normalize_by_batch
from bnrepro.training.evaluation import evaluate_in_batches
from bnrepro.training.evaluator import Evaluator
from bnrepro.training.measures import MEASURES
from bnrepro.training.session import Session, build_session

CPU = torch.device("cpu")


def _session(config: RunConfig) -> Session:
    return build_session(config, Console(quiet=True))


def test_every_measure_of_the_config_exists() -> None:
    assert set(MEASURES) == set(get_args(Measure))


def test_training_network_is_left_as_it_was(small_run: Callable[..., RunConfig]) -> None:
    every = "measures=[activation_inputs,activation_histograms,evaluation_statistics]"
    session = _session(small_run(every))
    before = {name: value.clone() for name, value in session.model.state_dict().items()}
    Evaluator(session)(step=0)
    assert session.model.training
    for name, value in session.model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_statistics_are_the_ones_asked_for(small_run: Callable[..., RunConfig]) -> None:
    rows = {}
    for statistics in ("moving", "population"):
        session = _session(small_run(f"evaluation.statistics={statistics}"))
        rows[statistics] = Evaluator(session)(step=0).row
    # Untrained moving averages are (0, 1): the inputs pass as they are, hardly spread.
    spread = {
        name: row["probe/hidden.2/all/p85"] - row["probe/hidden.2/all/p15"]
        for name, row in rows.items()
    }
    assert spread["population"] == pytest.approx(2.07, abs=0.15)
    assert spread["moving"] < 1


@pytest.mark.parametrize("norm", ["batch", "batch_renorm", "none"])
def test_an_evaluation_sees_the_network_as_it_stands(
    small_run: Callable[..., RunConfig], norm: str
) -> None:
    measures = ["measures=[evaluation_statistics]"] if norm == "batch" else []
    session = _session(small_run(f"norm={norm}", *measures))
    evaluate = Evaluator(session)
    rows = [evaluate(step=0).row]
    batches = session.batches()
    for step in range(3):
        session.update(*batches(step), torch.tensor(0.5))
        rows.append(evaluate(step + 1).row)
        assert rows[-1] == Evaluator(session)(step + 1).row  # from copies of its own
        assert rows[-1] != rows[-2]


def test_accuracy_is_the_fraction_of_right_answers(small_run: Callable[..., RunConfig]) -> None:
    session = _session(small_run("norm=none"))
    row = Evaluator(session)(step=0).row
    test = session.dataset.test
    answers = session.model(test.images.float()).argmax(1)
    assert row["test/accuracy"] == (answers == test.labels).sum().item() / len(test)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_measures_see_the_input_to_each_nonlinearity(
    small_run: Callable[..., RunConfig], model: str
) -> None:
    session = _session(
        small_run(f"model={model}", "norm=none", "probe.unit=3", "probe.examples=50")
    )
    row, histograms = Evaluator(session)(step=20)
    images = session.dataset.test.images[:50].float()
    network = session.model.eval()
    first = network.hidden[0] if model == "mlp" else network.conv
    name = "hidden.0" if model == "mlp" else "conv"
    seen = first.linear(images.flatten(1) if model == "mlp" else images).detach()
    for which, values in (("unit", seen[:, 3]), ("all", seen)):
        for percentile in (15, 50, 85):
            assert row[f"probe/{name}/{which}/p{percentile}"] == pytest.approx(
                np.percentile(values.numpy(), percentile), abs=2e-3
            )
    layers = {tag.split("/")[1] for tag in row if tag.startswith("probe/")}
    assert len(layers) == (3 if model == "mlp" else 2)
    assert {histogram.layer for histogram in histograms} == layers
    assert {histogram.step for histogram in histograms} == {20}
    of_first = next(histogram for histogram in histograms if histogram.layer == name)
    if model == "mlp":  # small enough to be counted whole
        extremes = (seen.min().item(), seen.max().item())
        assert (of_first.low, of_first.high) == pytest.approx(extremes, abs=1e-5)
        assert sum(of_first.counts) == seen.numel()
    assert sum(of_first.counts) <= 20_000


def test_inputs_that_are_not_finite_have_no_histogram(small_run: Callable[..., RunConfig]) -> None:
    session = _session(small_run("norm=none"))
    with torch.no_grad():
        session.model.hidden[1].linear.bias[0] = float("inf")
    measured = Evaluator(session)(step=0)
    assert [histogram.layer for histogram in measured.histograms] == ["hidden.0", "hidden.2"]
    assert np.isnan(measured.row["probe/hidden.1/all/p50"])


def test_only_the_chosen_measures_are_taken(small_run: Callable[..., RunConfig]) -> None:
    row, histograms = Evaluator(_session(small_run("measures=[]")))(step=0)
    assert set(row) == {"test/accuracy", "test/loss"}
    assert histograms == ()
    row, histograms = Evaluator(_session(small_run("measures=[activation_histograms]")))(step=0)
    assert set(row) == {"test/accuracy", "test/loss"}
    assert len(histograms) == 3


def test_estimates_take_each_training_example_once_at_the_most(
    small_run: Callable[..., RunConfig],
) -> None:
    rows = [
        Evaluator(_session(small_run(f"evaluation.population_batches={batches}")))(step=0)
        for batches in (24, 1000)
    ]
    assert rows[0] == rows[1], "24 mini-batches are an epoch of the digits"


@pytest.mark.parametrize("statistics", ["population", "pooled", "moving"])
def test_comparison_holds_what_each_way_alone_gives(
    small_run: Callable[..., RunConfig], statistics: str
) -> None:
    def trained(*overrides: str) -> Session:
        session = _session(small_run("measures=[]", "model.init_std=0.3", *overrides))
        batches = session.batches()
        for step in range(5):  # the moving averages leave (0, 1)
            session.model(session.dataset.to_input(batches(step)[0]))
        return session

    plain = {
        name: Evaluator(trained(f"evaluation.statistics={name}"))(step=0).row
        for name in ("population", "pooled", "moving")
    }
    chosen = f"evaluation.statistics={statistics}"
    row = Evaluator(trained(chosen, "measures=[evaluation_statistics]"))(step=0).row
    assert {tag: row[tag] for tag in plain[statistics]} == plain[statistics]
    for name, alone in plain.items():
        for quantity in ("accuracy", "loss"):
            assert row[f"test/{name}/{quantity}"] == alone[f"test/{quantity}"]
    assert len({alone["test/loss"] for alone in plain.values()}) == 3
    sizes = {int(tag.split("/")[1][6:]) for tag in row if tag.startswith("test/batch_")}
    assert sizes == {2, 4, 8, 16, 32, 64, 128, 256}
    assert len(row) == 2 + 2 * 11


def test_only_the_statistics_that_are_listed_are_compared(
    small_run: Callable[..., RunConfig],
) -> None:
    config = small_run("measures=[evaluation_statistics]", "evaluation.compare=[moving,pooled]")
    row = Evaluator(_session(config))(step=0).row
    assert {tag for tag in row if tag.endswith("accuracy")} == {
        "test/accuracy",
        "test/pooled/accuracy",
        "test/moving/accuracy",
    }


def test_whole_set_as_one_batch_is_what_torch_gives_in_training_mode(
    small_run: Callable[..., RunConfig],
) -> None:
    session = _session(small_run())
    model, dataset = session.model, session.dataset
    row = evaluate_in_batches(normalize_by_batch(model), dataset, CPU, len(dataset.test))
    logits = model(dataset.to_input(dataset.test.images))
    loss = torch.nn.functional.cross_entropy(logits, dataset.test.labels)
    assert row["test/loss"] == pytest.approx(loss.item(), rel=1e-5)


@pytest.mark.parametrize(
    ("examples", "size", "parts"),
    [(10, 5, [5, 5]), (10, 4, [4, 4, 2]), (9, 4, [4, 5]), (5, 2, [2, 3]), (3, 2, [3])],
)
def test_held_out_examples_are_mixed_and_none_is_left_alone(
    examples: int, size: int, parts: list[int]
) -> None:
    labels = torch.arange(examples)  # sorted by class
    split = Split(labels.to(torch.uint8).view(-1, 1, 1, 1), labels)
    seen: list[torch.Tensor] = []

    def network(x: torch.Tensor) -> torch.Tensor:
        seen.append(x.flatten().long())
        return torch.nn.functional.one_hot(seen[-1], examples).float()

    row = evaluate_in_batches(network, Dataset(split, split, examples), CPU, size)
    assert row["test/accuracy"] == 1, "an example keeps its label"
    assert [len(part) for part in seen] == parts
    mixed = torch.cat(seen)
    assert sorted(mixed.tolist()) == list(range(examples))
    assert mixed.tolist() != list(range(examples))
