"""ONNX, for any runtime; read back by onnxruntime."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from bnrepro.errors import UserError
from bnrepro.inference.checksum import open_seal
from bnrepro.inference.classifier import Classifier
from bnrepro.inference.description import Description
from bnrepro.inference.formats.format import Classify, Format, to_graph

_NAME = "onnx"
_INPUT, _OUTPUT = "pixels", "probabilities"
_FATAL_ONLY = 4  # onnxruntime logs what it also raises, and hardware that it looks for in vain


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
    (text,) = (p.value for p in _parse(content).metadata_props if p.key == "bnrepro")
    return str(text)


def _load(content: bytes, _description: Description) -> Classify:
    try:
        import onnxruntime
    except ImportError as error:
        raise _missing(error) from error
    _parse(content)
    onnxruntime.set_default_logger_severity(_FATAL_ONLY)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL_ONLY
    # Else it may take the content for its own format, which is not what was parsed.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def classify(pixels_NCHW: Tensor) -> Tensor:
        pixels = {_INPUT: pixels_NCHW.contiguous().numpy()}
        return torch.from_numpy(session.run([_OUTPUT], pixels)[0])

    return classify


def _parse(content: bytes) -> Any:
    """The ModelProto.

    Raises:
        ValueError: it is none, or reads other files.
    """
    try:
        import onnx
    except ImportError as error:
        raise _missing(error) from error
    model = onnx.ModelProto.FromString(content)
    for message in _messages(model):
        if isinstance(message, onnx.TensorProto) and (
            message.external_data or message.data_location == onnx.TensorProto.EXTERNAL
        ):
            raise ValueError(f"its tensor {message.name} lies in another file, which is not opened")
    return model


def _messages(message: Any) -> Iterator[Any]:
    """A protobuf message and all within it: graphs have tensors in many places."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for child in [value] if hasattr(value, "ListFields") else value:
                yield from _messages(child)


def _missing(error: ImportError) -> UserError:
    return UserError(f"the format onnx needs {error.name}; pip install '.[export]'")


ONNX = Format(_NAME, ".onnx", False, _write, _read_description, _load)
