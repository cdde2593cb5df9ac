"""What an exported file says about the network in it, as JSON."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bnrepro.config import RunConfig, load, parse_stored

# A picture is resized to what the file says: 4,096 pixels squared take 50 MB, a million 3 TB.
Side = Annotated[int, Field(ge=1, le=4096)]
Channels = Annotated[int, Field(ge=1, le=16)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Preprocessing(_Section):
    """How a picture becomes what the network receives, in this order."""

    colours: Literal["RGB", "grey"]
    """What the picture is converted to."""
    stored_size: Side
    """Its shorter side is resized to this many pixels, and the centre square is cut."""
    input_size: Side
    """Of that, the centre square of this many pixels is cut."""
    threshold: int | None
    """A grey level (0 to 255) above this becomes 1, any other 0; null: grey levels stay."""
    channels: Channels
    """A grey picture is copied to this many channels."""
    input_mean: float | tuple[float, ...]
    """The graph itself does this, and takes the uint8 pixels: (pixel - mean) / scale; one
    number, or one a channel."""
    input_scale: float | tuple[float, ...]
    """See input_mean."""


class Provenance(_Section):
    """Where the network comes from."""

    bnrepro: str
    """The version that exported it."""
    torch: str
    """The version that exported it."""
    run_id: str
    """The run's."""
    experiment: str
    """The run's."""
    scale: str
    """The run's."""
    seed: int
    """The run's."""
    git_commits: tuple[str, ...]
    """Of the processes that trained it; those outside a checkout have none."""


class Measured(_Section):
    """What this very network achieved on the run's held-out data, one centre crop an image."""

    statistics: Literal["population", "moving"]
    """What batch normalization uses: Algorithm 2's estimates, or moving averages."""
    population_batches: int
    """Training mini-batches of Algorithm 2; 0 with moving averages."""
    accuracy_1: float
    """accuracy@1, a fraction."""
    examples: int
    """Of the held-out data."""


class Description(_Section):
    """The JSON in an exported file."""

    version: Literal[1] = 1
    """Of this description."""
    folded: bool
    """Batch normalization is merged into the layers before it."""
    class_names: tuple[str, ...]
    """In the order of the probabilities."""
    preprocessing: Preprocessing
    """From a picture to the graph's input."""
    provenance: Provenance
    """Where the network comes from."""
    measured: Measured
    """How good it is."""
    config: dict[str, Any]
    """The run's resolved config, without what is of the machine: see `portable_config`."""

    def run_config(self) -> RunConfig:
        """The run's config, with this machine's ``runtime``, whatever the file says of it.

        Raises:
            UserError: it is another version's.
        """
        return parse_stored(self.config | {"runtime": load([]).runtime.model_dump()})


def portable_config(config: RunConfig) -> dict[str, Any]:
    """A run's config as plain values, without ``runtime``; a ``data.root`` is null."""
    values = config.model_dump(mode="json", exclude={"runtime"})
    if "root" in values["data"]:
        values["data"]["root"] = None
    return values
