"""What is measured does not change what is trained."""

from collections.abc import Callable

import pytest
from rich.console import Console

from bnrepro.config import RunConfig, load, run_id
from bnrepro.errors import UserError
from bnrepro.runs import read_rows
from bnrepro.training import run

SmallRun = Callable[..., RunConfig]
GRADIENTS = "gradient_norms,gradient_shift,landscape,weight_norms"


@pytest.mark.parametrize(
    ("network", "measures"),
    [
        (("norm=batch",), f"{GRADIENTS},jacobian,saturation"),
        # They draw random numbers, in training and where its loss is measured.
        (("norm=batch_noisy", "model.dropout=0.4"), GRADIENTS),
    ],
    ids=["batch", "noise"],
)
def test_measures_add_to_rows_and_change_nothing(
    small_run: SmallRun, network: tuple[str, ...], measures: str
) -> None:
    short = ("steps=4", "evaluation.every=2", "record.every=1", "batch_size=8", *network)
    plain = run(small_run(*short, "measures=[]"), Console(quiet=True)).directory
    measured = run(small_run(*short, f"measures=[{measures}]"), Console(quiet=True)).directory
    assert measured.path != plain.path
    assert measured.weights.read_bytes() == plain.weights.read_bytes()
    for row, longer in zip(read_rows(plain.metrics), read_rows(measured.metrics), strict=True):
        assert {tag: longer[tag] for tag in row} == row
        assert (len(longer) > len(row)) == ("test/accuracy" in row)


def test_saturation_depends_on_the_probes_examples_and_gradients_do_not() -> None:
    for measure, matters in (("saturation", True), ("gradient_norms", False)):
        ids = {
            run_id(load([f"measures=[{measure}]", f"probe.examples={count}"])) for count in (10, 20)
        }
        assert (len(ids) == 2) == matters


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["measures=[saturation]", "model.activation=relu"], "no sigmoids that could saturate"),
        (["measures=[saturation]", "model=torchvision"], "no sigmoids that could saturate"),
        (["measures=[jacobian]", "model=cnn"], "use model=mlp with norm.placement=before"),
        (["measures=[jacobian]", "norm.placement=after"], "norm before the nonlinearity"),
    ],
)
def test_measure_that_a_network_cannot_have_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(UserError) as error:
        load(overrides)
    assert str(error.value).startswith(f"{overrides[0]}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
