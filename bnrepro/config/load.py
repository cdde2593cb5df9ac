"""Overrides in, a checked `RunConfig` out. Past this file no Hydra object exists."""

import hashlib
import pickle
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from yaml import YAMLError

from bnrepro.config.fields import choices, descriptions, keys_of_other_options
from bnrepro.config.groups import GROUPS, options, own_options
from bnrepro.config.options.model import TorchvisionName
from bnrepro.config.own import GLOBAL_GROUPS, check_package, meant_key, own_folder, read_own
from bnrepro.config.schema import RunConfig
from bnrepro.config.source import with_source
from bnrepro.errors import UserError, nearest
from bnrepro.torchrun import count_processes

# The length of the paper's Inception run, which `inception_steps` stands for.
_PAPER_INCEPTION_STEPS = 31.0e6


# Steps between decays of its rate (GoogLeNet: 8 epochs).
_PAPER_INCEPTION_DECAY = 320e3


def _paper_steps(paper: float, *, _root_: DictConfig) -> int:
    """This many steps of the paper on a scale where ``inception_steps`` stand for its 31.0e6."""
    inception_steps: int | None = _root_.inception_steps
    if inception_steps is None:
        raise ValueError("inception_steps=null: lengths that follow the paper's time need it")
    return max(1, round(float(paper) * inception_steps / _PAPER_INCEPTION_STEPS))


def _curve_steps(paper: float, *, _root_: DictConfig) -> int:
    """The length of a curve of this many steps in the paper; Inception's in an equal budget."""
    equal = _root_.budget == "equal"
    return _paper_steps(_PAPER_INCEPTION_STEPS if equal else paper, _root_=_root_)


def _decay_steps(paper: float, *, _root_: DictConfig) -> int:
    """Likewise of the steps between decays of the rate."""
    equal = _root_.budget == "equal"
    return _paper_steps(_PAPER_INCEPTION_DECAY if equal else paper, _root_=_root_)


def _batches(examples: int, *, _root_: DictConfig) -> int:
    """Mini-batches that hold this many examples."""
    batch_size: int = _root_.batch_size
    return max(1, round(examples / batch_size))


def _rate_of_batch(rate: float, batch_size: int, *, _root_: DictConfig) -> float:
    """A learning rate proportional to the mini-batch, from what it is at one size."""
    batch: int = _root_.batch_size
    return rate * batch / batch_size


def _warmup_of_groups(*, _root_: DictConfig) -> int:
    """Steps of warm-up: 5 of 90 epochs where a step has several groups (Goyal et al. 2017)."""
    return 0 if _root_.groups == 1 else round(_root_.steps * 5 / 90)


OmegaConf.register_new_resolver("batches", _batches)
OmegaConf.register_new_resolver("warmup_of_groups", _warmup_of_groups)
OmegaConf.register_new_resolver("started_processes", count_processes)
OmegaConf.register_new_resolver("rate_of_batch", _rate_of_batch)
OmegaConf.register_new_resolver("paper_steps", _paper_steps)
OmegaConf.register_new_resolver("curve_steps", _curve_steps)
OmegaConf.register_new_resolver("decay_steps", _decay_steps)

# Sections whose options have different fields; the validator names the option in a field's path.
_UNIONS = ("data", "model", "norm", "optim")


def load(overrides: Sequence[str]) -> RunConfig:
    """Compose the groups with Hydra, apply the overrides, check everything.

    Args:
        overrides: Hydra overrides, ``group=option`` or ``key.sub=value``.

    Raises:
        UserError: an override cannot be read, names an unknown group, option or key, or its value
            is not allowed; the message names the key, the value and what would be right.
    """
    parsed = [_parse_single(override) for override in overrides]
    choices = [override for override in parsed if _is_choice(override)]
    values = [override for override in parsed if not _is_choice(override)]
    for override in choices:
        _check_option(override)
    # Composing takes a hundred times as long as all the rest, and the runs of a sweep share it.
    composed = _compose(choices)
    _drop_unused(composed)
    _check_keys([override for override in values if not override.is_add()], composed)
    are_plain = all(_is_plain(override) for override in values)
    if not are_plain:
        composed = _compose(parsed)
        _drop_unused(composed)
        _check_keys([override for override in values if not override.is_delete()], composed)
    if any(override.key_or_group == "optim" for override in choices):
        _take_own_rates(choices, composed)
    for override in values:
        # Of what Hydra has set already, the optimizer's own values may have taken the place.
        if are_plain or (_is_plain(override) and override.key_or_group.startswith("optim.")):
            _set_value(composed, override)
    return validate(with_source(_to_plain(composed)))


@cache
def preset(experiment: str, scale: str, *overrides: str) -> RunConfig:
    """The config of an experiment at a scale; composing it takes long enough to do it once.

    Raises:
        UserError: as `load`.
    """
    return load([f"experiment={experiment}", f"scale={scale}", *overrides])


def validate(values: dict[str, Any]) -> RunConfig:
    """Build the typed config from plain values.

    Raises:
        UserError: names the first key that is wrong, its value, and what would be right.
    """
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        raise UserError(_describe(error.errors()[0])) from error


def parse(text: str) -> Override:
    """An override by Hydra's grammar, with one value or several.

    Raises:
        UserError: it cannot be read, or is one of Hydra's own settings.
    """
    try:
        override: Override = OverridesParser.create().parse_override(text)
    except HydraException as error:
        raise UserError(
            f"{text!r}: not an override; write key=value, for example optim.lr=0.1"
        ) from error
    if override.key_or_group.startswith(("hydra.", "hydra/")):
        raise UserError(f"{text}: no such key here; Hydra's own settings have no effect on a run")
    return override


@cache
def _parse_single(text: str) -> Override:
    override = parse(text)
    if override.is_sweep_override():
        raise UserError(f"{text}: several values for one run; give one value")
    return override


def _is_choice(override: Override) -> bool:
    return override.key_or_group in GROUPS


def _is_plain(override: Override) -> bool:
    """Whether it sets a value and does nothing else; Hydra itself adds, deletes and merges."""
    return (
        override.type is OverrideType.CHANGE
        and override.package is None
        and not isinstance(override.value(), dict)
    )


def _set_value(composed: DictConfig, override: Override) -> None:
    """What Hydra does with it after the groups are composed; interpolations follow it."""
    try:
        OmegaConf.update(composed, override.key_or_group, override.value())
    except (OmegaConfBaseException, TypeError, ValueError) as error:
        raise UserError(f"{override.input_line}: {_first_line(error)}") from error


def _check_option(override: Override) -> None:
    group, option = override.key_or_group, str(override.value())
    if override.is_delete():
        raise UserError(f"{override.input_line}: cannot be left out; choose with {group}=...")
    if _is_file(override):
        read_own(Path(option), group, Path(option).stem)
        return
    allowed = options(group)
    if option in own_options(group):
        _check_own(group, option)
    if group == "model" and option in get_args(TorchvisionName):
        raise UserError(
            f"model={option}: no such option; did you mean model=torchvision model.name={option}?"
        )
    if option not in allowed:
        raise UserError(f"{group}={option}: no such option; {nearest(option, allowed)}")


def _check_own(group: str, option: str) -> None:
    folder = own_folder()
    assert folder is not None
    file = folder / group / f"{option}.yaml"
    if (files("bnrepro.configs") / group).joinpath(f"{option}.yaml").is_file():
        raise UserError(f"{file}: bnrepro has this name in its group {group}; give yours another")
    values = read_own(file, group, option)
    if group in GLOBAL_GROUPS:
        check_package(file)
    if group == "experiment" and values["experiment"] != option:
        raise UserError(f"{file}: experiment: {values['experiment']}; must be its name, {option}")


def _is_file(override: Override) -> bool:
    """Whether an experiment is named by its file."""
    return override.key_or_group == "experiment" and str(override.value()).endswith(".yaml")


def _register(override: Override) -> str:
    """Make a file an option of its group; the override that chooses it."""
    file = Path(str(override.value()))
    name = hashlib.sha256(str(file.absolute()).encode()).hexdigest()[:12]
    node = read_own(file, "experiment", file.stem)
    ConfigStore.instance().store(name, node, group="experiment/file", package="_global_")
    return f"experiment=file/{name}"


def _check_keys(overrides: list[Override], composed: DictConfig) -> None:
    known = list(_keys(composed))
    for override in overrides:
        key = override.key_or_group
        if key in known:
            continue
        meant = meant_key(key, [*GROUPS, *known])
        raise UserError(f"{override.input_line}: no such key here; {meant}")


def _take_own_rates(choices: list[Override], composed: DictConfig) -> None:
    """An optimizer chosen in place of the preset's has its own values.

    A preset's rate is one for its optimizer: SGD's 0.1 would make Adam diverge.
    """
    rest = [one for one in choices if one.key_or_group != "optim"]
    if _compose(rest).optim.name != composed.optim.name:
        own = [one for one in choices if one.key_or_group == "optim"]
        composed.optim = _compose([*own, parse("~experiment")]).optim


def _drop_unused(composed: DictConfig) -> None:
    """What a preset sets of an option falls away where another option was chosen in its place.

    ``model.init_std`` of a fully connected network, say, where the network is one of torchvision's.
    Keys that no option has stay, and are refused.
    """
    with open_dict(composed):
        for section in _UNIONS:
            option = composed[section]
            for key in keys_of_other_options(section, option.get("name")) & {*option}:
                del option[key]


def _compose(overrides: Sequence[Override]) -> DictConfig:
    """What Hydra makes of overrides; the caller's to change."""
    lines = [_register(one) if _is_file(one) else one.input_line or "" for one in overrides]
    if (folder := own_folder()) is not None:
        lines.append(f"hydra.searchpath=['{folder.as_uri()}']")
    try:
        composed: DictConfig = pickle.loads(_compose_once(*lines))
    except MissingConfigException as error:  # in the defaults of one of the user's own
        group, _, option = (error.missing_cfg_file or "").partition("/")
        meant = nearest(option, options(group)) if group in GROUPS else "no such file"
        raise UserError(f"{_first_line(error).rstrip('.')}; {meant}") from error
    except HydraException as error:
        overrides_line = " ".join(one.input_line or "" for one in overrides)
        raise UserError(f"{overrides_line}: {_first_line(error)}") from error
    except YAMLError as error:  # in a file that one of the user's own includes
        raise UserError(f"not YAML: {' '.join(str(error).split())}") from error
    return composed


# Of Hydra's own settings, which no run reads: a fifth of the time of composing.
_WITHOUT_HYDRAS_OWN = [
    "~hydra/env",
    "~hydra/help",
    "~hydra/hydra_help",
    "~hydra/hydra_logging",
    "~hydra/job_logging",
    "~hydra/launcher",
    "~hydra/output",
    "~hydra/sweeper",
]


@lru_cache(maxsize=128)
def _compose_once(*lines: str) -> bytes:
    """Pickled: every caller needs a copy, and copying the config itself takes six times as long."""
    with initialize_config_module("bnrepro.configs", version_base="1.3"):
        return pickle.dumps(compose("config", overrides=[*lines, *_WITHOUT_HYDRAS_OWN]))


def _to_plain(composed: DictConfig) -> dict[str, Any]:
    try:
        values = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise UserError(f"{error.full_key}: missing; set {error.full_key}=...") from error
    except OmegaConfBaseException as error:
        raise UserError(f"{error.full_key}: {_first_line(error)}") from error
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def _keys(values: Any, prefix: str = "") -> Iterator[str]:
    for key in values:
        yield prefix + str(key)
        child = values._get_node(key)
        if isinstance(child, DictConfig):
            yield from _keys(child, f"{prefix}{key}.")


def _describe(error: ErrorDetails) -> str:
    """One line of the form ``key=value: what would be right``."""
    path = list(error["loc"])
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if len(path) > 1 and path[0] in _UNIONS:
        del path[1]
    key = ".".join(str(part) for part in path)
    context = error.get("ctx", {})
    match error["type"]:
        case "union_tag_invalid":
            names = choices(f"{key}.name")
            return f"{key}.name={context['tag']}: no such {key}; {nearest(context['tag'], names)}"
        case "union_tag_not_found":
            return f"{key}.name: missing; set {key}.name=..."
        case "string_pattern_mismatch":
            wanted = "must be module:function, for example my_package.my_module:build"
        case "missing":
            return f"{key}: missing; set {key}=..."
        case "extra_forbidden":
            return f"{key}={error['input']}: no such key; {meant_key(key, descriptions())}"
        case "literal_error":
            wanted = f"must be {context['expected']}"
        case "greater_than_equal":
            wanted = f"must be at least {context['ge']}"
        case "greater_than":
            wanted = f"must be above {context['gt']}"
        case "less_than_equal":
            wanted = f"must be at most {context['le']}"
        case "less_than":
            wanted = f"must be below {context['lt']}"
        case "finite_number":
            wanted = "must be a finite number"
        case "int_type":
            wanted = "must be a whole number"
        case "float_type":
            wanted = "must be a number"
        case "bool_type":
            wanted = "must be true or false"
        case "string_type":
            wanted = "must be text"
        case "tuple_type":
            wanted = "must be a list in brackets, [a,b]"
        case "too_short":
            wanted = "must be a list that is not empty"
        case _:
            wanted = error["msg"]
    return f"{key}={error['input']}: {wanted}"
