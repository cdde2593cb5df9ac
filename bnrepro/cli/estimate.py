"""`bnrepro estimate`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from bnrepro.cli.app import app, examples
from bnrepro.cli.options import ConfigDir, Debug, Json, SweepOverrides

if TYPE_CHECKING:
    from bnrepro.training.estimate import Estimate


@app.command(
    epilog=examples(
        "bnrepro estimate experiment=fig1/with_bn scale=laptop",
        "bnrepro estimate 'experiment=glob(fig2/bn_*)' scale=paper --gpus 8 --price 3.0",
        "bnrepro estimate experiment=fig2/bn_x5 scale=paper inception_steps=3_875_000 groups=8 "
        "--gpus 8",
    )
)
def estimate(
    overrides: SweepOverrides = None,
    gpus: Annotated[int, typer.Option(min=1, help="Devices like this one.")] = 1,
    price: Annotated[
        float | None, typer.Option(min=0, help="Of one device for an hour, in any currency.")
    ] = None,
    config_dir: ConfigDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Say what runs would cost: hours and money, from a few steps timed on this device.

    Takes the overrides of `bnrepro sweep`. A run uses at most as many devices as its step has
    groups; runs that use fewer go side by side. Where data are not here, random images are taken.
    """
    from bnrepro.config import expand
    from bnrepro.training.estimate import estimate as time_run

    console = Console(stderr=as_json)
    estimates = [time_run(config, console).on(gpus) for config in expand(overrides or [])]
    rows = [_row(one, price) for one in estimates]
    device_seconds = [one.seconds * one.gpus for one in estimates]
    # They cannot be over before the longest, nor before all devices together have done all.
    hours = max(sum(device_seconds) / gpus, *(one.seconds for one in estimates)) / 3600
    total: dict[str, object] = {
        "gpus": gpus,
        "hours": hours,
        "price": _price(sum(device_seconds), price),
    }
    if as_json:
        typer.echo(json.dumps({"runs": rows, "all": total}, indent=2))
        return
    table = Table(*rows[0])
    shown: list[dict[str, object]] = [*rows, {"experiment": "all", **total}]
    for row in shown:
        table.add_row(*(_text(row.get(column)) for column in rows[0]))
    console.print(table)
    if any(one.data_share is None for one in estimates):
        console.print("data share -: the data are not here, so neither is their reading counted")


def _row(one: "Estimate", price: float | None) -> dict[str, object]:
    examples = one.config.batch_size
    return {
        "experiment": one.config.experiment,
        "seed": one.config.seed,
        "images/s": examples / one.step_seconds,
        "data images/s": examples / one.data_seconds if one.data_seconds else None,
        "data share": one.data_share,
        "gpus": one.gpus,
        "hours": one.seconds / 3600,
        "price": _price(one.seconds * one.gpus, price),
    }


def _price(device_seconds: float, price: float | None) -> float | None:
    return None if price is None else device_seconds / 3600 * price


def _text(value: object) -> str:
    match value:
        case None:
            return "-"
        case float():
            return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        case _:
            return str(value)
