from collections.abc import Callable

import numpy as np
import pytest
import torch
from rich.console import Console

from bnrepro.config import RunConfig
from bnrepro.training.build import make_dataset, make_model
from bnrepro.training.evaluation import Evaluator
from bnrepro.training.probes import observe_activation_inputs

QUIET = Console(quiet=True)
CPU = torch.device("cpu")


def test_training_network_is_left_as_it_was(small_run: Callable[..., RunConfig]) -> None:
    config = small_run()
    dataset = make_dataset(config, QUIET)
    model = make_model(config, dataset.input_shape, dataset.num_classes).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    Evaluator(config, dataset, CPU)(model)
    assert model.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_statistics_are_the_ones_asked_for(small_run: Callable[..., RunConfig]) -> None:
    rows = {}
    for statistics in ("moving", "population"):
        config = small_run(f"evaluation.statistics={statistics}")
        dataset = make_dataset(config, QUIET)
        model = make_model(config, dataset.input_shape, dataset.num_classes).train()
        rows[statistics] = Evaluator(config, dataset, CPU)(model)
    # Untrained moving averages are (0, 1): the inputs pass as they are, hardly spread.
    spread = {
        name: row["probe/hidden.2/all/p85"] - row["probe/hidden.2/all/p15"]
        for name, row in rows.items()
    }
    assert spread["population"] == pytest.approx(2.07, abs=0.15)
    assert spread["moving"] < 1


def test_accuracy_is_the_fraction_of_right_answers(small_run: Callable[..., RunConfig]) -> None:
    config = small_run("norm=none")
    dataset = make_dataset(config, QUIET)
    model = make_model(config, dataset.input_shape, dataset.num_classes)
    row = Evaluator(config, dataset, CPU)(model)
    answers = model(dataset.test.images.float()).argmax(1)
    right = (answers == dataset.test.labels).sum().item()
    assert row["test/accuracy"] == right / len(dataset.test)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_probes_see_the_input_to_each_nonlinearity(
    small_run: Callable[..., RunConfig], model: str
) -> None:
    config = small_run(f"model={model}", "norm=none")
    dataset = make_dataset(config, QUIET)
    network = make_model(config, dataset.input_shape, dataset.num_classes).eval()
    images = dataset.test.images[:50]
    row = observe_activation_inputs(network, images.float(), unit=3)
    first = network.hidden[0] if model == "mlp" else network.conv
    name = "hidden.0" if model == "mlp" else "conv"
    inputs = images.float().flatten(1) if model == "mlp" else images.float()
    seen = first.linear(inputs).detach()
    for which, values in (("unit", seen[:, 3]), ("all", seen)):
        for percentile in (15, 50, 85):
            assert row[f"probe/{name}/{which}/p{percentile}"] == pytest.approx(
                np.percentile(values.numpy(), percentile), abs=2e-3
            )
    assert len({tag.split("/")[1] for tag in row}) == (3 if model == "mlp" else 2)


def test_population_batches_are_training_batches(small_run: Callable[..., RunConfig]) -> None:
    config = small_run("evaluation.population_batches=1000")
    evaluator = Evaluator(config, make_dataset(config, QUIET), CPU)
    assert evaluator.population_batches == 24, "each training example once at the most"
