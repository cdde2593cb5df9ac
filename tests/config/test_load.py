from itertools import product

import pytest

from bnrepro.config import load
from bnrepro.config.explain import explain
from bnrepro.config.groups import options
from bnrepro.errors import UserError

DATA = [name for name in options("data") if name != "image_folder"]  # needs a folder


def test_bare_command_is_the_paper_network_on_digits() -> None:
    config = load([])
    assert (config.experiment, config.scale) == ("fig1/with_bn", "smoke")
    assert config.data.name == "digits"
    assert config.norm.name == "batch"
    assert config.model.hidden == (100, 100, 100)
    assert config.model.activation == "sigmoid"
    assert config.batch_size == 60


def test_an_override_keeps_the_default_experiment_and_scale() -> None:
    bare = load([]).model_dump()
    changed = load(["seed=1"]).model_dump()
    assert {key for key in bare if bare[key] != changed[key]} == {"seed"}
    assert load(["experiment=fig1/without_bn"]).scale == "smoke"


def test_larger_scales_are_the_papers_data_and_length() -> None:
    config = load(["experiment=fig1/with_bn", "scale=laptop"])
    assert (config.data.name, config.steps) == ("mnist", 50_000)


def test_figure_1_networks_differ_in_normalization_alone() -> None:
    with_bn = load(["experiment=fig1/with_bn", "scale=laptop"]).model_dump()
    without_bn = load(["experiment=fig1/without_bn", "scale=laptop"]).model_dump()
    different = {key for key in with_bn if with_bn[key] != without_bn[key]}
    assert different == {"experiment", "norm"}


@pytest.mark.parametrize("experiment", options("experiment"))
@pytest.mark.parametrize("scale", options("scale"))
def test_every_preset_names_itself(experiment: str, scale: str) -> None:
    config = load([f"experiment={experiment}", f"scale={scale}"])
    assert (config.experiment, config.scale) == (experiment, scale)


def _norms(model: str) -> list[str]:
    """Of networks with a fully connected hidden layer, which has no instances to normalize."""
    return [norm for norm in options("norm") if (model, norm) not in NO_INSTANCES]


NO_INSTANCES = {("mlp", "instance"), ("cnn", "instance")}
ENOUGH = "batch_size=110"  # examples for the whitening of 100 units


@pytest.mark.parametrize("model", ["mlp", "cnn", "convnet", "inception"])
def test_every_pair_of_options_composes(model: str) -> None:
    for norm, activation in product(_norms(model), ["sigmoid", "relu"]):
        told = [f"model={model}", f"norm={norm}", ENOUGH, f"model.activation={activation}"]
        config = load(told)
        assert (config.model.name, config.norm.name) == (model, norm)
        assert config.model.activation == activation
    for data in DATA:
        config = load([f"model={model}", f"data={data}"])
        assert (config.model.name, config.data.name) == (model, data)


def test_learning_rate_is_the_base_rate_times_its_multiplier() -> None:
    config = load(["optim.lr=0.0015", "optim.lr_multiplier=30"])
    assert config.learning_rate(step=0) == pytest.approx(0.045)


def test_learning_rate_decays_in_steps() -> None:
    config = load(["optim.lr=1", "optim.decay_factor=0.5", "optim.decay_every=10"])
    assert [config.learning_rate(step) for step in (0, 9, 10, 25)] == [1, 1, 0.5, 0.25]


def test_command_line_beats_scale_and_experiment() -> None:
    config = load(["experiment=fig1/with_bn", "scale=smoke", "data=mnist", "steps=7"])
    assert (config.data.name, config.steps) == ("mnist", 7)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["expermient=x"], "expermient=x: no such key here; did you mean experiment?"),
        (["experiment=fig1/with_b"], "did you mean fig1/with_bn?"),
        (
            ["scale=huge"],
            "scale=huge: no such option; choose from gpu, imagenet128, laptop, lim0606",
        ),
        (["optim=adam3"], "optim=adam3: no such option; did you mean adam?"),
        (["optim.lrr=3"], "optim.lrr=3: no such key here; did you mean optim.lr?"),
        (["norm=none", "norm.eps=1"], "norm.eps=1: no such key here"),
        (["~optim.lrr"], "~optim.lrr: no such key here; did you mean optim.lr?"),
        (["hydra.verbose=true"], "hydra.verbose=true: no such key here"),
        (["+extra=3"], "extra=3: no such key; `bnrepro config` lists the keys"),
        (["+optim.learning_rate=3"], "optim.learning_rate=3: no such key; did you mean optim.lr?"),
        (["~model"], "~model: cannot be left out; choose with model=..."),
        (["optim.lr=abc"], "optim.lr=abc: must be a number"),
        (["optim.lr=-1"], "optim.lr=-1: must be at least 0"),
        (["optim.lr=nan"], "optim.lr=nan: must be a finite number"),
        (["optim.lr_multiplier=inf"], "optim.lr_multiplier=inf: must be a finite number"),
        (["optim.momentum=1"], "optim.momentum=1: must be below 1"),
        (["steps=0"], "steps=0: must be at least 1"),
        (["steps=1.5"], "steps=1.5: must be a whole number"),
        (["seed=true"], "seed=True: must be a whole number"),
        (["seed=-1"], "seed=-1: must be at least 0"),
        (["model.hidden=[100,0]"], "model.hidden.1=0: must be at least 1"),
        (["model.hidden=[]"], "model.hidden=[]: must be a list that is not empty"),
        (["model=cnn", "model.channels=0"], "model.channels=0: must be at least 1"),
        (["model.activation=tanh"], "model.activation=tanh: must be 'sigmoid' or 'relu'"),
        (["norm.momentum=0"], "norm.momentum=0: must be above 0"),
        (["data.threshold=255"], "data.threshold=255: must be at most 254"),
        (["batch_size=1"], "batch_size=1: batch normalization needs a mini-batch of at least 2"),
        (
            ["norm=layer", "measures=[evaluation_statistics]"],
            "measures=[evaluation_statistics]: only batch normalization has statistics to compare",
        ),
        (["measures=[histograms]"], "measures.0=histograms: must be 'activation_histograms', "),
        (["measures=activation_inputs"], "measures=activation_inputs: must be a list in brackets"),
        (["evaluation.compare=[]"], "evaluation.compare=[]: must be a list that is not empty"),
        (["evaluation.at=[1,0]"], "evaluation.at.1=0: must be at least 1"),
        (["norm=group", "norm.groups=3"], "norm.groups=3: does not divide model.hidden[0]=100"),
        (["probe.unit=100"], "probe.unit=100: model.hidden[0] has 100 units; use 0 to 99"),
        (["data.scale=wide"], "data.scale=wide: must be 'symmetric', 'unit' or 'pixels'"),
        (["data=mnist", "data.binarize=no"], "data.binarize=no: must be 'threshold', 'sample'"),
        (
            ["model=inception", "model.init=cafe"],
            "model.init=cafe: must be 'xavier'",
        ),
        (["optim.bias_rate=-1"], "optim.bias_rate=-1: must be at least 0"),
        (["optim.bias_decay=1"], "optim.bias_decay=1: must be true or false"),
        (["budget=half"], "budget=half: must be 'paper' or 'equal'"),
        (["experiment=custom"], "experiment=custom: no such option"),
        (["data.train_examples=59"], "data.train_examples=59: fewer than one mini-batch"),
        (["seed=1,2"], "seed=1,2: several values for one run"),
        (["steps"], "'steps': not an override; write key=value"),
        (["steps=${nothing}"], "steps: Interpolation key 'nothing' not found"),
        (["data=image_folder"], "data.folder: missing; set data.folder=..."),
        (
            ["experiment=fig2/bn_x5", "inception_steps=null"],
            "inception_steps=null: lengths that follow",
        ),
        (
            ["model=inception", "model.init=gaussian", "model.init_std=null"],
            "model.init=gaussian: needs model.init_std",
        ),
        (["augmentation.size=64"], "augmentation.size=64: larger than the images; use at most 28"),
        (["augmentation.crop=random"], "augmentation.crop=random: needs augmentation.size"),
        (["optim.decay_factor=2"], "optim.decay_factor=2: must be at most 1"),
        (["runtime.device=tpu"], "runtime.device=tpu: must be"),
    ],
)
def test_bad_input_names_key_value_and_remedy(overrides: list[str], told: str) -> None:
    with pytest.raises(UserError) as error:
        load(overrides)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_batch_of_one_is_fine_without_batch_statistics() -> None:
    assert load(["norm=layer", "batch_size=1"]).batch_size == 1


def test_every_field_is_explained() -> None:
    models = ["mlp", "cnn", "convnet", "inception", "torchvision"]  # python needs a factory
    configs = [[f"model={model}", f"norm={norm}"] for model in models for norm in _norms(model)]
    for told in [*configs, *([f"data={data}"] for data in DATA)]:
        for field in explain(load([*told, ENOUGH])):
            assert len(field.meaning) > 8, field.key
