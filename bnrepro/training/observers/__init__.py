"""What happens beside the training loop: each observer has one concern and knows no other."""

from bnrepro.training.observers.checkpoints import CheckpointWriter
from bnrepro.training.observers.guard import Guard
from bnrepro.training.observers.histograms import HistogramRecorder
from bnrepro.training.observers.observer import Observer
from bnrepro.training.observers.progress import TrainingProgress
from bnrepro.training.observers.recorder import Recorder
from bnrepro.training.observers.status import StatusWriter, make_status
from bnrepro.training.observers.tensorboard import TensorBoardView

__all__ = [
    "CheckpointWriter",
    "Guard",
    "HistogramRecorder",
    "Observer",
    "Recorder",
    "StatusWriter",
    "TensorBoardView",
    "TrainingProgress",
    "make_status",
]
