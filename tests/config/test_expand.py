"""A sweep's runs are those that Hydra itself would start, each composed on its own."""

import sys

import pytest
from hydra import compose, initialize_config_module
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from bnrepro.config import RunConfig, expand, load, validate
from bnrepro.errors import UserError


def _as_hydra_does(overrides: list[str]) -> list[RunConfig]:
    parsed = OverridesParser.create().parse_overrides(overrides)
    [jobs] = BasicSweeper.split_arguments(parsed, None)
    with initialize_config_module("bnrepro.configs", version_base="1.3"):
        composed = [compose("config", overrides=job) for job in jobs]
    return [validate(OmegaConf.to_container(one, resolve=True)) for one in composed]


@pytest.mark.parametrize(
    "overrides",
    [
        ["seed=range(0,3)"],
        ["experiment=fig1/with_bn,fig1/without_bn", "optim.lr=0.1,1", "scale=smoke,laptop"],
        ["seed=range(2)", "experiment=fig2/bn_x5,fig2/inception"],
        # Others follow these by interpolation, or by what a resolver reads.
        ["experiment=fig2/bn_x5", "inception_steps=1000,31000000", "budget=paper,equal"],
        ["debug=overfit", "batch_size=10,20"],
        ["experiment=fig2/bn_x30,fig2/inception", "scale=smoke,gpu", "model.init=he,xavier"],
        ["data=digits,mnist", "data.train_examples=100,null", "norm=group", "norm.groups=2,5"],
        ["model.hidden=[10],[20,30]", "evaluation.at=[1,3]", "optim.bias_decay=true,false"],
        ["steps=${batch_size}", "batch_size=30,60"],
        ["runtime.runs='with space','a,b'", "data=mnist", "data.root=/tmp"],
        # What comes later holds; what adds, deletes or merges is Hydra's.
        ["seed=1,2", "seed=3,4"],
        ["seed=1", "seed=2", "seed=1"],
        ["++seed=3", "seed=4,5"],
        ["seed=4,5", "++seed=3"],
        ["~evaluation.at", "seed=0,1"],
        ["evaluation={every: 5}", "seed=0,1"],
    ],
    ids=" ".join,
)
def test_expanding_equals_composing_each_run(overrides: list[str]) -> None:
    assert expand(overrides) == _as_hydra_does(overrides)


def test_one_run_leaves_no_trace_in_the_next() -> None:
    first = load(["experiment=fig1/with_bn"])
    load(["experiment=fig1/with_bn", "steps=7", "model.hidden=[3]"])
    assert load(["experiment=fig1/with_bn"]) == first


def test_glob_looks_into_folders() -> None:
    runs = expand(["experiment=glob(fig2/*x5)", "seed=0,1"])
    assert [(run.experiment, run.seed) for run in runs] == [
        ("fig2/bn_x5", 0),
        ("fig2/bn_x5", 1),
        ("fig2/inception_x5", 0),
        ("fig2/inception_x5", 1),
    ]
    [other] = expand(["experiment=glob(*,exclude=[fig*,mechanisms*])"])
    assert other.experiment == "evaluation_statistics"


def test_many_runs_are_composed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def count(*arguments: object, **keywords: object) -> object:
        calls.append(arguments)
        return compose(*arguments, **keywords)

    monkeypatch.setattr(sys.modules[load.__module__], "compose", count)
    runs = expand(["experiment=fig1/with_bn", "debug=profile", "optim.lr=1,2", "seed=range(50)"])
    assert len({run.model_dump_json() for run in runs}) == 100
    assert len(calls) <= 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("seed=range(", "not an override"),
        ("seed=interval(0,1)", "seed=interval(0,1): an interval lists no values; use range"),
        ("seed=range(0)", "seed=range(0): lists no value, so there is nothing to run"),
        ("seed=range(5,0)", "seed=range(5,0): lists no value"),
        ("seed=range(0,5,0)", "seed=range(0,5,0): cannot be listed"),
        ("seed=glob(*)", "seed=glob(*): glob is for groups"),
        ("experiment=glob(fig9/*)", "experiment=glob(fig9/*): matches none of"),
        ("experiment=fig1/with_bn,fig1/with", "experiment=fig1/with: no such option"),
        ("steps=10,0", "steps=0: must be at least 1"),
        ("hydra/launcher=basic", "hydra/launcher=basic: no such key here"),
        ("hydra.verbose=true", "hydra.verbose=true: no such key here"),
        ("+hydra.verbos=true", "+hydra.verbos=true: no such key here"),
        ("+hydra.verbose=1,2", "+hydra.verbose=1,2: no such key here"),
    ],
)
def test_wrong_sweep_is_one_line(wrong: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        expand([wrong, "seed=0"] if not wrong.startswith("seed") else [wrong])
    assert message in str(error.value)
    assert "\n" not in str(error.value)
