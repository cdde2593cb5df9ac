"""Checkpoints, when the loop asks for one."""

from bnrepro.runs import RunDirectory, flush_folder
from bnrepro.runs.digests import DigestWriter
from bnrepro.training.checkpoint import Checkpoint, TrainingState, save_checkpoint
from bnrepro.training.observers.histograms import HistogramRecorder
from bnrepro.training.observers.observer import Observer
from bnrepro.training.observers.recorder import Recorder


class CheckpointWriter(Observer):
    """Saves checkpoints that know of no row which a crash can lose, and digests of the rows.

    Args:
        directory: the run's.
        recorder: its rows are forced to disk first.
        histograms: likewise.
    """

    def __init__(
        self, directory: RunDirectory, recorder: Recorder, histograms: HistogramRecorder
    ) -> None:
        self._directory = directory
        self._recorder = recorder
        self._histograms = histograms
        self._digests = DigestWriter(directory)
        self._digests.write()

    def on_checkpoint(self, state: TrainingState) -> None:
        """Save the state with the length of what was recorded."""
        self._sync()
        save_checkpoint(self._directory, Checkpoint(**state, metrics_bytes=self._recorder.position))
        self._digests.write()

    def write_digests(self) -> None:
        """Of all that was recorded, where a run ends without a checkpoint."""
        self._sync()
        self._digests.write()

    def _sync(self) -> None:
        self._recorder.sync()
        self._histograms.sync()
        # Their names, too: a checkpoint can be on disk before what was named earlier.
        flush_folder(self._directory.path)
