"""The weights alone; the network around them is built from the config in the description."""

import json

from safetensors.torch import load, save
from torch import Tensor

from bnrepro.config import parse_stored
from bnrepro.inference.checksum import open_seal
from bnrepro.inference.classifier import Classifier
from bnrepro.inference.description import Description
from bnrepro.inference.formats.format import Classify, Format
from bnrepro.nn import fold_batch_norm
from bnrepro.training.build import make_model

_NAME = "safetensors"
_LENGTH = 8  # bytes of the header's length, at the start


def _write(classifier: Classifier, description: str, _example: Tensor) -> bytes:
    metadata = {"bnrepro": description, "checksum": open_seal(_NAME)}
    return save(classifier.network.state_dict(), metadata)


def _read_description(content: bytes) -> str:
    # The package reads metadata from paths only, and this content has been checked.
    length = int.from_bytes(content[:_LENGTH], "little")
    text: str = json.loads(content[_LENGTH : _LENGTH + length])["__metadata__"]["bnrepro"]
    return text


def _load(content: bytes, text: str) -> Classify:
    description = Description.model_validate_json(text)
    how = description.preprocessing
    shape = how.channels, how.input_size, how.input_size
    config = parse_stored(description.config)
    network = make_model(config, shape, len(description.class_names)).eval()
    if description.folded:
        network = fold_batch_norm(network)
    network.load_state_dict(load(content))
    return Classifier(network, how.input_mean, how.input_scale)


SAFETENSORS = Format(_NAME, ".safetensors", _write, _read_description, _load)
