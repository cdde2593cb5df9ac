"""`bnrepro train`."""

import json
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from bnrepro.cli.app import app, examples
from bnrepro.cli.options import ConfigDir, Debug, Json, Overrides
from bnrepro.torchrun import is_first

if TYPE_CHECKING:
    from bnrepro.training import Outcome


@app.command(
    epilog=examples(
        "bnrepro train",
        "bnrepro train experiment=fig1/with_bn seed=3",
        "bnrepro train model=mlp norm=batch model.activation=relu optim.lr_multiplier=5 data=mnist",
    )
)
def train(
    overrides: Overrides = None,
    config_dir: ConfigDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train one run, or go on where it stopped. Bare: experiment=fig1/with_bn scale=smoke.

    Exit code 0: finished or diverged; 129, 130 or 143: stopped by a closed terminal, Ctrl-C or
    SIGTERM; 1: failed; 2: wrong command.
    """
    from bnrepro.config import load

    config = load(overrides or [])
    # Of several processes that torchrun started, the first one speaks.
    console = Console(stderr=as_json, quiet=not is_first())
    groups = f"{config.groups} groups of " if config.groups > 1 else ""
    console.print(
        f"{config.experiment}, scale {config.scale}, seed {config.seed}: "
        f"{config.model.name}, norm {config.norm.name}, data {config.data.name}, "
        f"{config.steps:,} steps of {groups}{config.batch_size} examples",
        highlight=False,
        soft_wrap=True,
    )
    from bnrepro.training import run

    outcome = run(config, console)
    if as_json and is_first():
        typer.echo(json.dumps(_outcome_values(outcome)))
    else:
        _print_outcome(console, outcome)
    if outcome.signal is not None:
        raise typer.Exit(128 + outcome.signal)


def _last_accuracy(outcome: "Outcome") -> float | None:
    from bnrepro.runs import last_values
    from bnrepro.runs.tags import TEST_ACCURACY

    return last_values(outcome.directory.metrics, [TEST_ACCURACY]).get(TEST_ACCURACY)


def _outcome_values(outcome: "Outcome") -> dict[str, object]:
    return {
        "run": outcome.directory.path.name,
        "directory": str(outcome.directory.path),
        "state": outcome.status.state,
        "already_done": outcome.already_done,
        "step": outcome.status.step,
        "steps": outcome.status.steps,
        "seconds": outcome.status.seconds,
        "accuracy": _last_accuracy(outcome),
        "message": outcome.status.message,
    }


def _print_outcome(console: Console, outcome: "Outcome") -> None:
    status = outcome.status
    done = "already " if outcome.already_done else ""
    accuracy = _last_accuracy(outcome)
    where = "" if accuracy is None else f", last test accuracy {accuracy:.4f}"
    line = f"{done}{status.state}: step {status.step:,} of {status.steps:,}{where}"
    if status.message:
        line += f" ({status.message})"
    if status.state == "diverged":
        line += "; a result, not an error: the curve up to there is kept"
    if status.state == "preempted":
        line += "; run the same command to go on"
    console.print(line, highlight=False, soft_wrap=True, markup=False)
    console.print(str(outcome.directory.path), highlight=False, soft_wrap=True, markup=False)
