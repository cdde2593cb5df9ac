"""ONNX, for any runtime; read back by onnxruntime."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bnrepro.errors import UserError
from bnrepro.inference.checksum import open_seal
from bnrepro.inference.classifier import Classifier
from bnrepro.inference.formats.format import Classify, Format
from bnrepro.inference.formats.graph import to_graph

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_NAME = "onnx"
_INPUT, _OUTPUT = "pixels", "probabilities"
_ERRORS_ONLY = 3  # onnxruntime warns of hardware that it looks for in vain


def _write(classifier: Classifier, description: str, example: Tensor) -> bytes:
    try:
        import onnx
        import onnxscript  # noqa: F401 (torch needs it, and says so at length)
    except ImportError as error:
        raise _missing(error) from error
    program = torch.onnx.export(
        to_graph(classifier, example),
        input_names=[_INPUT],
        output_names=[_OUTPUT],
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    model: Any = program.model_proto
    for node in model.graph.node:
        del node.metadata_props[:]  # the exporter's notes on every node: half of a small file
    onnx.helper.set_model_props(model, {"bnrepro": description, "checksum": open_seal(_NAME)})
    content: bytes = model.SerializeToString()
    return content


def _read_description(content: bytes) -> str:
    text: str = _session(content).get_modelmeta().custom_metadata_map["bnrepro"]
    return text


def _load(content: bytes, _description: str) -> Classify:
    session = _session(content)

    def classify(pixels_NCHW: Tensor) -> Tensor:
        given = {_INPUT: pixels_NCHW.contiguous().numpy()}
        return torch.from_numpy(session.run([_OUTPUT], given)[0])

    return classify


def _session(content: bytes) -> "InferenceSession":
    try:
        import onnxruntime
    except ImportError as error:
        raise _missing(error) from error
    onnxruntime.set_default_logger_severity(_ERRORS_ONLY)
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def _missing(error: ImportError) -> UserError:
    return UserError(f"onnx: needs {error.name}; pip install 'bnrepro[export]'")


ONNX = Format(_NAME, ".onnx", _write, _read_description, _load)
