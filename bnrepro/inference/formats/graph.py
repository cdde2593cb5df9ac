"""The network as a graph of torch's operators, for the formats that hold one."""

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram, export

from bnrepro.inference.classifier import Classifier


@torch.no_grad()
def to_graph(classifier: Classifier, example: Tensor) -> ExportedProgram:
    """The graph, for any number of examples.

    Unlike tracing, torch.export fails where a branch would depend on that number.

    Args:
        classifier: on the CPU.
        example: uint8, (N, C, H, W), N > 1.
    """
    program = export(classifier, (example,), dynamic_shapes={"pixels_NCHW": {0: Dim("N")}})
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # lines of source with the exporting machine's paths
    return program
