import io
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import Tensor

from bnrepro.config.identity import computation
from bnrepro.errors import RunFailedError, UserError
from bnrepro.inference import Export, export
from bnrepro.inference.checksum import check_seal, open_seal, seal
from bnrepro.inference.classifier import Classifier
from bnrepro.inference.exported import load_exported, read_exported
from bnrepro.inference.formats import FORMATS
from bnrepro.inference.held_out import network_with
from bnrepro.inference.trained import TrainedRun
from tests.conftest import ROOT, CommandLine
from tests.inference.conftest import POPULATION_BATCHES, QUIET, Written
from tests.synthetic import write_run

ExportTo = Callable[..., Export]


@pytest.fixture
def export_to(tmp_path: Path) -> ExportTo:
    def make(run: TrainedRun, name: str, folded: bool = False, **options: Any) -> Export:
        chosen = {
            "format_name": name,
            "folded": folded,
            "statistics": "population",
            "population_batches": POPULATION_BATCHES,
            "output": tmp_path / f"network{FORMATS[name].suffix}",
            "overwrite": False,
            "device": "cpu",
            "console": QUIET,
            **options,
        }
        return export(run.directory, **chosen)

    return make


def _by_torch(run: TrainedRun, pixels: Tensor) -> Tensor:
    """What the run's own network gives, by the way that training evaluates."""
    network = network_with(run, "population", POPULATION_BATCHES)
    with torch.inference_mode():
        return network(run.dataset.to_input(pixels)).softmax(1)


EVERY = [(name, folded) for name in FORMATS for folded in (False, True)]


@pytest.mark.parametrize(("name", "folded"), EVERY)
@pytest.mark.parametrize("network", ["small", "inception"])
def test_every_format_computes_what_the_run_does(
    written: Written,
    request: pytest.FixtureRequest,
    network: str,
    name: str,
    folded: bool,
) -> None:
    run: TrainedRun = request.getfixturevalue(network)
    made = written(network, name, folded)
    description, classify = read_exported(made.file, trust=True)
    pixels = run.dataset.test.images[:100]
    expected = _by_torch(run, pixels)
    with torch.inference_mode():
        for part in (slice(0, 100), slice(0, 1), slice(3, 10)):
            found = classify(pixels[part])
            torch.testing.assert_close(found, expected[part], rtol=0, atol=1e-5)
        strided = pixels[:7].to(memory_format=torch.channels_last)
        torch.testing.assert_close(classify(strided), expected[:7], rtol=0, atol=1e-5)

        assert description == made.description
        assert description.folded == folded
        assert description.class_names == tuple("0123456789")
        assert computation(description.run_config()) == computation(run.config)
        assert description.provenance.run_id == run.directory.path.name
        test = run.dataset.test
        right = int((classify(test.images).argmax(1) == test.labels).sum())
        assert description.measured.examples == len(test)
        assert description.measured.accuracy_1 == right / len(test)
    content = made.file.read_bytes()
    assert str(ROOT).encode() not in content, "no path of the machine that exported it"
    assert [entry.name for entry in made.file.parent.iterdir()] == [made.file.name]


@pytest.mark.parametrize("name", FORMATS)
def test_no_byte_can_change_unnoticed(contents: dict[str, bytes], name: str) -> None:
    content = contents[name]
    assert check_seal("file", content) == name
    at_seal = content.index(b"bnrepro " + name.encode())
    spread = np.linspace(0, len(content) - 1, 20).astype(int)
    for position in (*spread, *range(at_seal, at_seal + 90, 10)):
        if position >= len(content):
            continue
        damaged = bytearray(content)
        damaged[position] ^= 1
        with pytest.raises(UserError, match=r"^file: .*damaged[^\n]*$"):
            load_exported("file", bytes(damaged), trust=True)


@pytest.mark.parametrize("name", FORMATS)
def test_a_cut_or_lengthened_file_is_refused(contents: dict[str, bytes], name: str) -> None:
    content = contents[name]
    for damaged in (content[:-1], content[: len(content) // 2], content + b"\0", content + content):
        with pytest.raises(UserError, match="damaged"):
            load_exported("file", damaged, trust=True)


def test_nothing_is_parsed_before_the_checksum(
    contents: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        pytest.fail("parsed")

    for name, content in contents.items():
        touched = replace(FORMATS[name], read_description=never, load=never)
        monkeypatch.setitem(FORMATS, name, touched)
        with pytest.raises(UserError, match="altered or damaged"):
            load_exported("file", content + b"\0", trust=True)


def _some_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("archive/data.pkl", b"")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not written by bnrepro"),
        (b"text\n" * 99, "not written by bnrepro"),
        (_some_zip(), "not written by bnrepro"),
        (save({"weight": torch.ones(2)}), "not written by bnrepro"),
        (seal(open_seal("later").encode()), "exported as later, which this version"),
    ],
    ids=["empty", "text", "zip", "safetensors", "later"],
)
def test_what_is_no_export_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(UserError, match=f"^file: [^\n]*{told}[^\n]*$"):
        load_exported("file", content, trust=True)


def test_a_description_of_another_version_is_refused(
    contents: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = contents["safetensors"].replace(b'\\"version\\":1', b'\\"version\\":2')
    _, start = opened.split(b"safetensors sha256 ", 1)
    resealed = seal(opened.replace(start[:64], b"0" * 64))
    with pytest.raises(UserError, match="another version of bnrepro"):
        load_exported("file", resealed, trust=False)


def test_onnx_says_what_it_takes_and_is_valid(contents: dict[str, bytes]) -> None:
    import onnx

    model = onnx.load_from_string(contents["onnx"])
    onnx.checker.check_model(model, full_check=True)
    (taken,), (given,) = model.graph.input, model.graph.output
    assert (taken.name, given.name) == ("pixels", "probabilities")
    assert taken.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    batch, *shape = taken.type.tensor_type.shape.dim
    assert batch.dim_param
    assert [size.dim_value for size in shape] == [1, 28, 28]


def test_folded_has_no_batch_norm_left(written: Written) -> None:
    from safetensors.torch import load_file

    file = written("small", "safetensors", True).file
    assert not [name for name in load_file(file) if "running" in name]


def test_an_existing_file_stays_unless_forced(
    export_to: ExportTo, small: TrainedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    by_default = export_to(small, "safetensors", output=None).file
    assert str(by_default) == f"reports/fig1-with_bn-{small.directory.path.name}.safetensors"
    by_default.write_text("mine")
    with pytest.raises(UserError, match="there already; --force"):
        export_to(small, "safetensors", output=by_default)
    assert by_default.read_text() == "mine"
    export_to(small, "safetensors", output=by_default, overwrite=True)
    read_exported(by_default, trust=False)


@pytest.mark.parametrize("place", ["", "nowhere/network.pt2"])
def test_a_place_that_is_none_is_refused(
    export_to: ExportTo, small: TrainedRun, tmp_path: Path, place: str
) -> None:
    with pytest.raises(UserError, match="must be a file in a folder that exists"):
        export_to(small, "pt2", output=tmp_path / place)


def test_a_file_that_computes_something_else_is_not_kept(
    export_to: ExportTo, small: TrainedRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    right = FORMATS["safetensors"]

    def write(classifier: Classifier, description: str, example: Tensor) -> bytes:
        other = classifier.on_cpu()
        torch.nn.init.ones_(other.network.output.weight)
        return right.write(other, description, example)

    monkeypatch.setitem(FORMATS, "safetensors", replace(right, write=write))
    with pytest.raises(RunFailedError, match="not written: its probabilities differ"):
        export_to(small, "safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_missing_packages_are_named(
    export_to: ExportTo, small: TrainedRun, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"needs {package}; pip install '\.\[export\]'"):
        export_to(small, "onnx")


def test_missing_onnxruntime_is_named(
    contents: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"needs onnxruntime; pip install '\.\[export\]'"):
        load_exported("file", contents["onnx"], trust=False)


def test_a_run_that_cannot_be_exported_is_one_line_and_exit_2(
    command_line: CommandLine, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    curves = {"test/accuracy": [0.1, 0.9]}
    diverged = write_run(runs, "fig1/with_bn", curves, diverged=True)
    without = write_run(runs, "fig1/with_bn", curves, seed=1)
    damaged = write_run(runs, "fig1/with_bn", curves, seed=2)
    damaged.weights.write_bytes(b"no weights")
    unfinished = write_run(runs, "fig1/with_bn", curves, seed=3)
    status = unfinished.status.read_text().replace("finished", "preempted")
    unfinished.status.write_text(status)
    for directory, told in (
        (diverged, "diverged at step 10"),
        (without, "weights.safetensors: missing"),
        (damaged, "weights.safetensors: damaged"),
        (unfinished, "preempted at step 10"),
    ):
        done = command_line("export", directory.path.name, "--format", "pt2")
        assert done.returncode == 2, done.stderr
        assert told in done.stderr
        assert done.stderr.count("\n") == 1
    done = command_line("export", "absent", "--format", "pt2")
    assert done.stderr.startswith("error: absent: no run directory, nor a run's id under runs")
    assert [entry.name for entry in tmp_path.iterdir()] == ["runs"]
