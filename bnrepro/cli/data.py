"""`bnrepro data list`, `fetch`, `verify` and `prepare`."""

import json

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bnrepro.cli.app import data_app, examples
from bnrepro.cli.options import DataName, Debug, Json, Overrides
from bnrepro.errors import UserError


@data_app.command(
    "list",
    epilog=examples(
        "bnrepro data list", "bnrepro data list --json", "BNREPRO_DATA=D bnrepro data list"
    ),
)
def list_data(as_json: Json = False, debug: Debug = False) -> None:
    """Show the data sets and where they are."""
    from bnrepro.config.groups import options
    from bnrepro.data.catalog import SOURCES

    places = {}
    for name in options("data"):
        source = SOURCES.get(name)
        places[name] = "embedded" if source is None else str(source.find() or "")
    places["image_folder"] = "data.folder=PATH"
    if as_json:
        typer.echo(json.dumps(places, indent=2))
        return
    table = Table("data", "what it is", "where", box=None, header_style="bold", pad_edge=False)
    for name, description in options("data").items():
        where = places[name] or f"not here: {SOURCES[name].advice}"
        table.add_row(name, description, escape(where))
    Console().print(table)


@data_app.command(
    epilog=examples(
        "bnrepro data fetch mnist",
        "BNREPRO_DATA=D bnrepro data fetch mnist",
        "bnrepro data fetch digits",
    )
)
def fetch(name: DataName, as_json: Json = False, debug: Debug = False) -> None:
    """Download a data set, unless it is there, into BNREPRO_DATA or the cache folder."""
    from bnrepro.data.catalog import fetch as fetch_data

    _check_data_name(name)
    folder = fetch_data(name)
    if as_json:
        typer.echo(json.dumps({"data": name, "folder": folder and str(folder)}))
    else:
        typer.echo(folder or f"{name}: embedded, nothing to fetch")


@data_app.command(
    epilog=examples(
        "bnrepro data verify mnist",
        "BNREPRO_DATA=D bnrepro data verify mnist",
        "bnrepro data verify tiny_imagenet",
    )
)
def verify(name: DataName, as_json: Json = False, debug: Debug = False) -> None:
    """Check the files of a data set, and what was prepared from it, against their checksums."""
    from bnrepro.data.catalog import verify as verify_data

    _check_data_name(name)
    good = verify_data(name)
    if as_json:
        typer.echo(json.dumps({"data": name, "good": good}))
        return
    for line in good:
        typer.echo(f"good: {line}")
    if not good:
        typer.echo(f"{name}: no files to verify")


@data_app.command(
    epilog=examples(
        "bnrepro data prepare tiny_imagenet",
        "bnrepro data prepare tiny_imagenet data.num_classes=50",
        "bnrepro data prepare image_folder data.folder=D data.stored_size=128",
    )
)
def prepare(
    name: DataName, overrides: Overrides = None, as_json: Json = False, debug: Debug = False
) -> None:
    """Decode and resize an image set once, ahead of its first run; interrupted, it goes on."""
    from bnrepro.config import load
    from bnrepro.config.options.data import ImageFolder

    _check_data_name(name)
    data = load([f"data={name}", *(overrides or [])]).data
    folder = None
    if isinstance(data, ImageFolder):
        from bnrepro.data.image_folder import prepare_image_folder

        folder = prepare_image_folder(
            data.folder,
            data.stored_size,
            data.num_classes,
            data.bad_images,
            data.root,
            Console(stderr=as_json),
            data.storage,
        )
    if as_json:
        typer.echo(json.dumps({"data": name, "folder": folder and str(folder)}))
    else:
        typer.echo(folder or f"{name}: nothing to prepare")


def _check_data_name(name: str) -> None:
    from bnrepro.config.groups import options

    if name not in options("data"):
        raise UserError(f"{name}: no such data set; choose from {', '.join(options('data'))}")
