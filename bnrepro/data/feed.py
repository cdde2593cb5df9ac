"""How many images a second a core reads, and how many a GPU asks for."""

import io
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from bnrepro.data.jpegs import JpegImages, jpeg_decoder
from bnrepro.data.prepared_files import JPEG_QUALITY, Storage
from bnrepro.errors import UserError

# Images/s of Inception at 224 px in mini-batches of 32, estimated: the H200's, and others in
# proportion to their ResNet-50 (MLPerf v4.0: 7,950 and 7,160 a GPU; NVIDIA's
# DeepLearningExamples: 2,470).
GPU_NEEDS = {"H200": 4_000, "H100": 3_600, "A100": 1_240}

_IMAGES = 200
_BATCH = 32


class Feed(NamedTuple):
    """How fast one core reads images of a form.

    Attributes:
        images_per_second: of a core's time.
        bytes_per_image: that are read from disk where they are not in memory.
    """

    images_per_second: float
    bytes_per_image: float

    def cores(self, images_per_second: float) -> int:
        """How many a GPU that takes this many images/s keeps busy."""
        return int(np.ceil(images_per_second / self.images_per_second))


def measure_feeds(size: int = 256, seconds: float = 0.3) -> dict[Storage, Feed]:
    """Gather mini-batches of both forms from memory, in one thread.

    Args:
        size: height and width of the images, in pixels.
        seconds: to measure each form for.

    Returns:
        By form; without JPEG where its decoder is not installed.
    """
    pictures = _pictures(size)
    pixels = torch.from_numpy(np.stack([np.asarray(one).transpose(2, 0, 1) for one in pictures]))
    feeds: dict[Storage, Feed] = {}
    rate = _rate(lambda chosen: pixels[chosen], seconds)
    feeds["pixels"] = Feed(rate, pixels[0].numel())
    try:
        jpeg_decoder()
    except UserError:
        return feeds
    files = [_compress(one) for one in pictures]
    content = torch.frombuffer(bytearray(b"".join(files)), dtype=torch.uint8)
    offsets = np.cumsum([0, *map(len, files)])
    images = JpegImages(content, offsets, np.arange(_IMAGES), range(size), range(size))
    rate = _rate(lambda chosen: images[chosen].to("cpu"), seconds)
    feeds["jpeg"] = Feed(rate, len(content) / _IMAGES)
    return feeds


def _rate(read: Callable[[torch.Tensor], torch.Tensor], seconds: float) -> float:
    """Images per second of this process's time, which other processes hardly disturb."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        read(torch.arange(_BATCH))
        started, images = time.process_time(), 0
        while (elapsed := time.process_time() - started) < seconds:
            read(torch.randint(_IMAGES, (_BATCH,)))
            images += _BATCH
        return images / elapsed
    finally:
        torch.set_num_threads(threads)


def _pictures(size: int) -> list[Image.Image]:
    """Smooth shapes and a little noise: a JPEG of it is as large as a photograph's."""
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 8, (size, size, 3)).astype(np.float32)
    pictures = []
    for i in range(_IMAGES):
        shapes = Image.fromarray(generator.integers(0, 256, (12, 12, 3), dtype=np.uint8))
        smooth = np.asarray(shapes.resize((size, size), Image.Resampling.BICUBIC))
        values = (smooth + np.roll(noise, i, axis=0)).clip(0, 255)
        pictures.append(Image.fromarray(values.astype(np.uint8)))
    return pictures


def _compress(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "jpeg", quality=JPEG_QUALITY)
    return file.getvalue()
