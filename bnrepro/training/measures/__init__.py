"""What a run records at its evaluations besides loss and accuracy: a function a file.

A measure looks at a `Subject` and returns a `Measurement`. To add one, write its file, enter it
here, and name it in ``bnrepro.config.options.evaluation.Measure``.
"""

from collections.abc import Callable

from bnrepro.config.options.evaluation import Measure
from bnrepro.training.measurement import Measurement, Subject
from bnrepro.training.measures.activation_histograms import activation_histograms
from bnrepro.training.measures.activation_inputs import activation_inputs
from bnrepro.training.measures.evaluation_statistics import evaluation_statistics
from bnrepro.training.measures.gamma import gamma
from bnrepro.training.measures.gradient_norms import gradient_norms
from bnrepro.training.measures.gradient_shift import gradient_shift
from bnrepro.training.measures.jacobian import jacobian
from bnrepro.training.measures.landscape import landscape
from bnrepro.training.measures.saturation import saturation
from bnrepro.training.measures.training_set import training_set
from bnrepro.training.measures.weight_norms import weight_norms

MEASURES: dict[Measure, Callable[[Subject], Measurement]] = {
    "evaluation_statistics": evaluation_statistics,
    "activation_inputs": activation_inputs,
    "activation_histograms": activation_histograms,
    "gradient_norms": gradient_norms,
    "gradient_shift": gradient_shift,
    "landscape": landscape,
    "weight_norms": weight_norms,
    "saturation": saturation,
    "jacobian": jacobian,
    "gamma": gamma,
    "training_set": training_set,
}
"""By the names in the config, in the order of their tags in a row."""
