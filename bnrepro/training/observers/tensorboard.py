"""TensorBoard events: a view of metrics.jsonl, never the truth."""

import shutil
import time

from bnrepro.runs import Row, RunDirectory, read_rows
from bnrepro.training.measurement import Measurement
from bnrepro.training.observers.observer import Observer


class TensorBoardView(Observer):
    """Writes rows as scalars, a tag each.

    A resumed run starts its view again from the rows that were kept, so that steps which a
    checkpoint had not reached do not appear twice.

    Args:
        directory: the run's.
    """

    def __init__(self, directory: RunDirectory) -> None:
        # Not where a run writes no events; and not torch's writer, which makes an event of each
        # tag, at twice the price.
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        shutil.rmtree(directory.tensorboard, ignore_errors=True)
        self._event = Event
        # Events are queued and written by the writer's own thread, in blocks.
        self._writer = EventFileWriter(
            str(directory.tensorboard), max_queue_size=1000, flush_secs=10
        )
        for row in read_rows(directory.metrics):
            self._add(row)

    def on_row(self, measurement: Measurement) -> None:
        """Show a row."""
        self._add(measurement.row)

    def close(self) -> None:
        """Write what is queued."""
        self._writer.close()

    def _add(self, row: Row) -> None:
        event = self._event(step=int(row["step"]), wall_time=time.time())
        for tag, value in row.items():
            if tag != "step":
                event.summary.value.add(tag=tag, simple_value=value)
        self._writer.add_event(event)
