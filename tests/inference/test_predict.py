import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from bnrepro.cli import app
from bnrepro.config import load
from bnrepro.data.pictures import read_picture, read_picture_file
from bnrepro.data.preparation import prepare_images
from bnrepro.data.prepared import load_prepared
from bnrepro.errors import UserError
from bnrepro.inference import Prediction, predict
from bnrepro.inference.description import Preprocessing
from bnrepro.inference.formats import FORMATS
from bnrepro.inference.held_out import network_with, predict_held_out
from bnrepro.inference.preprocessing import prepare_picture, preprocessing_of
from bnrepro.inference.trained import TrainedRun
from bnrepro.training.build import crop_dataset, load_dataset
from tests.conftest import CommandLine
from tests.inference.conftest import POPULATION_BATCHES, QUIET, Written


def _predict(network: Path | str, *pictures: object, top: int = 10) -> list[Prediction]:
    return predict(str(network), [*map(str, pictures)], top, True, Path("runs"), "cpu", QUIET)


@pytest.fixture(scope="session")
def picture(small: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first held-out example; its two levels are those of a black and white picture."""
    file = tmp_path_factory.mktemp("pictures") / "first.png"
    Image.fromarray(small.dataset.test.images[0, 0].numpy() * 255).save(file)
    return file


@pytest.fixture(scope="session")
def exported(written: Written) -> Path:
    return written("small", "safetensors", True).file


def test_run_and_every_format_say_what_evaluate_does(
    small: TrainedRun, written: Written, picture: Path
) -> None:
    network = network_with(small, "population", POPULATION_BATCHES)
    expected = predict_held_out(small, network, 1, 256, QUIET).probabilities[0]
    files = [written("small", name, False).file for name in FORMATS]
    for network in [small.directory.path, *files]:
        (made,) = _predict(network, picture)
        found = {guess.class_name: guess.probability for guess in made.guesses}
        by_class = [found[str(digit)] for digit in range(10)]
        np.testing.assert_allclose(by_class, expected, atol=1e-5, err_msg=str(network))
        probabilities = [guess.probability for guess in made.guesses]
        assert probabilities == sorted(probabilities, reverse=True)


def test_pictures_of_inception_are_its_data(inception: TrainedRun) -> None:
    how = preprocessing_of(inception.config, inception.dataset, stored_size=32)
    for image in inception.dataset.test.images[:20]:
        shown = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
        assert torch.equal(prepare_picture(shown, how), image)


def test_a_photograph_is_prepared_as_the_data_were(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    folder = tmp_path / "images"
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            (folder / split / name).mkdir(parents=True)
            noise = random.integers(0, 256, (70, 90, 3), dtype=np.uint8)
            Image.fromarray(noise).save(folder / split / name / "0.png")
    config = load(
        [
            "model=cnn",
            "data=image_folder",
            f"data.folder={folder}",
            f"data.root={tmp_path}",
            "data.stored_size=40",
            "augmentation.size=32",
            "batch_size=2",
            "scale=smoke",
        ]
    )
    stored = load_dataset(config, Console(file=io.StringIO()))
    dataset = crop_dataset(config, stored)
    how = preprocessing_of(config, dataset, stored_size=40)
    for label, name in enumerate(dataset.class_names):
        shown = read_picture_file(folder / "val" / name / "0.png")
        assert torch.equal(prepare_picture(shown, how), dataset.test.images[label])


def _save_kinds(folder: Path) -> None:
    """One picture of each kind that decoders are known to differ in."""
    random = np.random.default_rng(0)
    noise = Image.fromarray(random.integers(0, 256, (30, 50, 3), dtype=np.uint8))
    see_through = noise.convert("RGBA")
    see_through.putalpha(noise.convert("L"))
    wide = random.integers(0, 2**16, (30, 50), dtype=np.uint16)
    noise.save(folder / "colour.png")
    for mode in ("1", "L", "P"):
        noise.convert(mode).save(folder / f"{mode}.png")
    noise.convert("P").save(folder / "clear_palette.png", transparency=bytes(range(256)))
    noise.convert("P").save(folder / "clear_colour.gif", transparency=7)
    see_through.save(folder / "rgba.png")
    see_through.convert("LA").save(folder / "la.png")
    noise.convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(wide).save(folder / "i16.png")
    Image.fromarray(wide.astype(">u2")).save(folder / "i16b.tiff")
    Image.fromarray(wide.astype(np.int32)).save(folder / "i.tif")
    (folder / "i.pgm").write_bytes(b"P5 50 30 65535\n" + wide.astype(">u2").tobytes())
    still = Image.new("RGB", noise.size)
    for name in ("animated.gif", "animated.webp"):
        noise.save(folder / name, save_all=True, append_images=[still])
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for suffix in ("jpg", "png", "tiff", "webp"):
            noise.save(folder / f"exif{orientation}.{suffix}", exif=exif)
    Image.fromarray(wide).save(folder / "exif_i16.png", exif=exif)
    Image.new("RGB", (1, 1), (1, 2, 3)).save(folder / "one_pixel.png")
    noise.resize((5000, 1)).save(folder / "line.png")


def test_training_and_prediction_decode_pictures_alike(tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "val/a", "val/b"):
        (tmp_path / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / name / "z.png")
    kinds = tmp_path / "train" / "a"
    _save_kinds(kinds)
    modes = {_mode(path) for path in kinds.iterdir()}
    assert modes >= {"1", "L", "P", "RGBA", "LA", "CMYK", "I;16", "I;16B", "I"}
    folder = prepare_images(tmp_path, 8, None, "error", tmp_path / "sets", QUIET)
    dataset = load_prepared(folder)
    images = dataset.train.images[dataset.train.labels == dataset.class_names.index("a")]
    how = Preprocessing(
        colours="RGB",
        stored_size=8,
        input_size=8,
        threshold=None,
        channels=3,
        input_mean=dataset.input_mean,
        input_scale=dataset.input_scale,
    )
    for path, image in zip(sorted(kinds.iterdir()), images, strict=True):
        assert torch.equal(prepare_picture(read_picture_file(path), how), image), path.name


def _mode(path: Path) -> str:
    with Image.open(path) as image:
        return image.mode


def test_a_turned_photograph_is_the_same_picture(inception: TrainedRun) -> None:
    how = preprocessing_of(inception.config, inception.dataset, stored_size=32)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 70), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    plain, turned = io.BytesIO(), io.BytesIO()
    noise.save(plain, "PNG")
    noise.transpose(Image.Transpose.ROTATE_90).save(turned, "PNG", exif=exif)
    first, second = (
        prepare_picture(read_picture("picture", file.getvalue()), how) for file in (plain, turned)
    )
    assert first.shape == (3, 32, 32)
    assert torch.equal(first, second)


def test_standard_input_is_a_picture(
    exported: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(picture.read_bytes())))
    by_file, by_pipe = _predict(exported, picture, "-")
    for piped, read in zip(by_pipe.guesses, by_file.guesses, strict=True):
        assert piped.class_name == read.class_name
        # Two rows of one product: their sums may be taken in another order.
        assert piped.probability == pytest.approx(read.probability, rel=1e-5)
    with pytest.raises(UserError, match="standard input: an empty file"):
        _predict(exported, "-")


def test_command_tells_people_and_scripts(exported: Path, picture: Path) -> None:
    arguments = ["predict", str(exported), str(picture), str(picture), "--top", "3"]
    told = CliRunner().invoke(app, arguments).output.splitlines()
    assert told[0] == told[4] == str(picture)
    values = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)
    assert [len(made["classes"]) for made in values] == [3, 3]
    best = values[0]["classes"][0]
    assert told[1] == f"  {best['probability']:.4f}  {best['class_name']}"


def test_more_pictures_than_a_batch(exported: Path, picture: Path) -> None:
    made = _predict(exported, *[picture] * 130, top=1)
    assert len(made) == 130
    assert len({one.guesses[0].class_name for one in made}) == 1


@pytest.mark.parametrize(
    ("network", "picture", "told"),
    [
        ("absent.onnx", "a.png", "absent.onnx: no such file; `bnrepro export` writes one"),
        ("absent", "a.png", "absent: no run directory, nor a run's id under runs"),
        ("text.onnx", "a.png", "text.onnx: damaged, or not written by bnrepro"),
    ],
)
def test_what_is_no_network_is_one_line_and_exit_2(
    command_line: CommandLine, tmp_path: Path, network: str, picture: str, told: str
) -> None:
    (tmp_path / "text.onnx").write_text("text")
    done = command_line("predict", network, picture)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {told}")
    assert done.stderr.count("\n") == 1


def test_what_is_no_picture_is_named(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.png: cannot be read"):
        _predict(exported, tmp_path / "absent.png")
    (tmp_path / "text.png").write_text("text")
    with pytest.raises(UserError, match=r"text\.png: not an image"):
        _predict(exported, tmp_path / "text.png")
