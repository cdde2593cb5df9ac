"""The weights alone; the network around them is built from the config in the description."""

import json

import torch
from safetensors.torch import load, save
from torch import Tensor

from bnrepro.inference.checksum import open_seal
from bnrepro.inference.classifier import Classifier
from bnrepro.inference.description import Description
from bnrepro.inference.formats.format import Classify, Format
from bnrepro.nn import fold_batch_norm
from bnrepro.training.build import make_model

_NAME = "safetensors"
_LENGTH = 8  # bytes of the header's length, at the start
# Folding replaces batch normalization's four values of each feature by one or two.
_MOST_UNFOLDED = 4  # times the folded network's bytes


def _write(classifier: Classifier, description: str, _example: Tensor) -> bytes:
    metadata = {"bnrepro": description, "checksum": open_seal(_NAME)}
    return save(classifier.network.state_dict(), metadata)


def _read_description(content: bytes) -> str:
    # The package reads metadata from paths only, and this content has been checked.
    length = int.from_bytes(content[:_LENGTH], "little")
    if length > len(content) - _LENGTH:
        raise ValueError(f"its header claims {length:,} bytes, of {len(content):,} in the file")
    text: str = json.loads(content[_LENGTH : _LENGTH + length])["__metadata__"]["bnrepro"]
    return text


def _load(content: bytes, description: Description) -> Classify:
    weights = load(content)  # compares every size that the header claims with the content's
    how = description.preprocessing
    config = description.run_config()
    shape = how.channels, how.input_size, how.input_size
    classes = len(description.class_names)
    with torch.device("meta"):  # no memory: the config may claim any size
        outline = make_model(config, shape, classes)
    claimed = sum(tensor.nbytes for tensor in outline.state_dict().values())
    if claimed > _MOST_UNFOLDED * len(content):
        raise ValueError(f"its config claims {claimed:,} bytes, of {len(content):,} in the file")
    network = make_model(config, shape, classes).eval()
    if description.folded:
        network = fold_batch_norm(network)
    network.load_state_dict(weights)
    return Classifier(network, how.input_mean, how.input_scale)


SAFETENSORS = Format(_NAME, ".safetensors", False, _write, _read_description, _load)
