"""What a run is told of its data: the set, the order of examples, random changes to them."""

from typing import Annotated, Literal

from pydantic import Field

from bnrepro.config.options.section import PositiveInt, Section

Threshold = Annotated[int, Field(ge=0, le=254)]
InputScale = Literal["symmetric", "unit", "pixels"]
_CLASSES = {"tiny_imagenet": 200, "imagenette": 10, "imagenet": 1000}


class Digits(Section):
    """scikit-learn's handwritten digits: 1,797 images of 8x8, enlarged."""

    name: Literal["digits"]
    """The data set."""
    size: PositiveInt
    """Height and width that the images are enlarged to, in pixels."""
    channels: PositiveInt
    """Copies of the one grey channel: 3 for networks that take colour."""
    threshold: Threshold | None
    """Binary input: a pixel above this grey level (0 to 254) becomes 1, else 0; null: grey."""
    scale: InputScale = "symmetric"
    """What the network receives of grey levels: symmetric: from -1 to 1; unit: unit variance;
    pixels: 0 to 255 minus their mean."""
    train_examples: PositiveInt | None
    """Train on this many first training examples only; null: all of them."""

    @property
    def classes(self) -> int:
        """What a label is one of."""
        return 10


class Mnist(Section):
    """MNIST: 60,000 training and 10,000 test images of 28x28."""

    name: Literal["mnist"]
    """The data set."""
    threshold: Threshold
    """Binary input (Section 4.1): a pixel above this grey level (0 to 254) becomes 1, else 0. The
    paper does not give the threshold."""
    binarize: Literal["threshold", "sample", "none"] = "threshold"
    """What "binary image" (Section 4.1) means; the paper does not say. threshold: as above. sample:
    each pixel of a training image is drawn anew at every step, 1 with its grey value as
    probability; test images by the threshold. none: grey levels, from 0 to 1."""
    train_examples: PositiveInt | None
    """Train on this many first training examples only; null: all of them."""
    root: str | None
    """Folder to look in first, which must exist; then BNREPRO_DATA, then the cache folder. No part
    of the run id."""

    @property
    def classes(self) -> int:
        """What a label is one of."""
        return 10


class ImageFolder(Section):
    """A tree of image files, train/<class>/* and val/<class>/*, decoded once."""

    name: Literal["image_folder", "tiny_imagenet", "imagenette", "imagenet"]
    """The data set; they differ in their values alone."""
    folder: str
    """The tree: an absolute path, or a folder below data.root, BNREPRO_DATA, the current folder or
    the cache folder."""
    root: str | None
    """Folder to look in first; it must exist. No part of the run id."""
    num_classes: PositiveInt | None
    """Use this many classes, at least two, the first in a fixed shuffle of the sorted names; null:
    all."""
    stored_size: PositiveInt
    """Images are stored as centre squares of this many pixels a side, resized once."""
    storage: Literal["pixels", "jpeg"] = "pixels"
    """pixels: memory is mapped to them; jpeg: an eighth of the disk, decoded in every epoch (needs
    torchcodec), and the pixels are those of quality 90."""
    bad_images: Literal["error", "drop"]
    """A file that is no image: refuse the set, or drop the file and say so."""
    scale: InputScale = "symmetric"
    """What the network receives. symmetric: from -1 to 1; unit: about unit variance (ImageNet's
    mean and deviation); pixels: 0 to 255 minus ImageNet's mean, as in Caffe's GoogLeNet (2014).
    Without batch normalization it decides how large the signal is (Section 3.3)."""
    train_examples: PositiveInt | None
    """Train on this many first training examples only; null: all of them."""

    @property
    def classes(self) -> int | None:
        """What a label is one of; None: only the folder tells."""
        return self.num_classes or _CLASSES.get(self.name)


class Order(Section):
    """How thoroughly training examples are shuffled (Section 4.2.1)."""

    shuffle: Literal["full", "within_shards", "shards"]
    """full: a new permutation every epoch; within_shards: shards, and examples within each; shards:
    the order of shards alone, so that the same examples always share a mini-batch."""
    shard_examples: PositiveInt
    """Examples in a shard; full ignores it. The paper gives no size."""


class Augmentation(Section):
    """What happens to training images; held-out ones are cropped at the centre."""

    size: PositiveInt | None
    """Height and width that the network receives, in pixels; null: as stored."""
    crop: Literal["none", "random", "random_resized"]
    """random: a square of that size anywhere; random_resized: 8 to 100 % of the area, resized."""
    flip: bool
    """Mirror half of the images."""
    distortion: Literal["none", "weak", "strong"]
    """Brightness, contrast and saturation by factors of 1 +- 0.25 (weak) or 0.5 (strong; Howard
    2013). The accelerated variants distort less (Section 4.2.1); the paper does not say by how
    much."""
