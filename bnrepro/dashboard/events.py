"""TensorBoard's events, and the file that they are appended to. Needs no torch."""

import io
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram import metadata as histogram_metadata
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.text import metadata as text_metadata
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_tensor_proto


def scalars(step: int, values: Mapping[str, float]) -> Any:
    """Values at a step, by tag."""
    event = Event(step=step, wall_time=time.time())
    for tag, value in values.items():
        event.summary.value.add(tag=tag, simple_value=value)
    return event


def histogram(step: int, tag: str, low: float, high: float, counts: list[int]) -> Any:
    """Counts in equally wide bins between ``low`` and ``high``."""
    edges = np.linspace(low, high, len(counts) + 1)
    bins_k3 = np.stack([edges[:-1], edges[1:], np.array(counts, dtype=np.float64)], axis=1)
    metadata = histogram_metadata.create_summary_metadata(display_name=None, description=None)
    return _tensor(step, tag, bins_k3, metadata)


def text(tag: str, markdown: str) -> Any:
    """A page of Markdown."""
    metadata = text_metadata.create_summary_metadata(display_name=None, description=None)
    return _tensor(0, tag, np.array([markdown.encode()], dtype=object), metadata)


def image(tag: str, png: bytes, width: int, height: int) -> Any:
    """A PNG."""
    metadata = image_metadata.create_summary_metadata(display_name=None, description=None)
    parts = [str(width).encode(), str(height).encode(), png]
    return _tensor(0, tag, np.array(parts, dtype=object), metadata)


def summary(value: Any) -> Any:
    """A summary that one of TensorBoard's plugins made."""
    return Event(step=0, wall_time=time.time(), summary=value)


def _tensor(step: int, tag: str, values: Any, metadata: Any) -> Any:
    value = Summary.Value(tag=tag, tensor=make_tensor_proto(values), metadata=metadata)
    return Event(step=step, wall_time=time.time(), summary=Summary(value=[value]))


class EventFile:
    """The events of one run of the view, in the order in which they were appended.

    Appended only, so that a server which has read a part goes on behind it. What was appended
    before is replaced by `again`, followed by the events anew.

    Args:
        folder: the run's; made with the first event.
        started: seconds since 1970; TensorBoard lists runs in this order, and colours them so.
    """

    def __init__(self, folder: Path, started: float = 0.0) -> None:
        self.path = folder / "events.out.tfevents.0.bnrepro"
        self._started = started

    @property
    def size(self) -> int:
        """Bytes in the file; 0 where there is none."""
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, events: Iterable[Any], size: int) -> int:
        """Write events in one block behind the first ``size`` bytes.

        What lies there was written by a process that was killed, or whose disk was full.

        Returns:
            The size now.
        """
        block = io.BytesIO()
        records = RecordWriter(block)
        if size == 0:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            head = Event(wall_time=self._started, file_version="brain.Event:2")
            records.write(head.SerializeToString())
        for event in events:
            records.write(event.SerializeToString())
        with self.path.open("ab") as file:
            file.truncate(size)
            file.write(block.getvalue())
        return size + len(block.getvalue())


def again() -> Any:
    """What follows takes the place of everything before it.

    TensorBoard's fast loader sees that by the steps, its slow one by this event.
    """
    return Event(step=0, session_log=SessionLog(status=SessionLog.START))
