"""The formats of exported files, by name."""

from bnrepro.inference.formats.format import Classify, Format
from bnrepro.inference.formats.onnx_file import ONNX
from bnrepro.inference.formats.pt2_file import PT2
from bnrepro.inference.formats.safetensors_file import SAFETENSORS

FORMATS = {one.name: one for one in (SAFETENSORS, ONNX, PT2)}

__all__ = ["FORMATS", "Classify", "Format"]
