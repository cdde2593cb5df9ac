"""The HParams tab: a row a run or mean, with the keys in which they differ."""

from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import (
    HParamsPluginData,
    SessionEndInfo,
    SessionStartInfo,
)

from bnrepro.config import RunConfig
from bnrepro.runs import State

Value = str | float | bool
METRICS = {
    "result/final_accuracy": "final test accuracy",
    "result/best_accuracy": "best test accuracy",
    "result/final_loss": "final test loss",
    "result/train_loss": "training loss",
    "result/steps": "steps done",
}
"""The tags of the columns of results, and their titles."""

_MISSING = "-"
_SHOWN = 5  # columns, before someone asks for more
_NAMED_BESIDE = {"experiment", "scale", "seed"}  # in the name of the row, or the same in all
_SESSION_STATES = {
    State.FINISHED: api_pb2.STATUS_SUCCESS,
    State.DIVERGED: api_pb2.STATUS_FAILURE,
}


def flatten(config: RunConfig) -> dict[str, Any]:
    """The keys that a run's identity depends on, dotted, in the schema's order."""
    values = config.model_dump(mode="json", exclude={"runtime": True, "data": {"root"}})
    flat: dict[str, Any] = {}
    for key, value in values.items():
        section = value if isinstance(value, dict) else {"": value}
        for name, item in section.items():
            shown = ", ".join(map(str, item)) if isinstance(item, list) else item
            flat[f"{key}.{name}" if name else key] = shown
    return flat


class HParams:
    """One table for all runs.

    The keys are those in which runs differ; of a single run, all. First comes what kind of data,
    network and normalization it is, then what differs within an experiment. A key has one type:
    numbers or truth values where every run has such a value, else words.

    Args:
        configs: the runs'.
    """

    def __init__(self, configs: list[RunConfig]) -> None:
        rows = [flatten(config) for config in configs]
        keys = _differing(rows) or [*rows[0]]
        swept: set[str] = set()
        for experiment in {config.experiment for config in configs}:
            swept |= set(_differing([row for row in rows if row["experiment"] == experiment]))
        self.keys = sorted(
            (key for key in keys if key not in _NAMED_BESIDE),
            key=lambda key: (not key.endswith(".name"), key not in swept),
        )
        self.types = {key: _common_type([row.get(key) for row in rows]) for key in self.keys}
        self._rows = [self.row(config) for config in configs]

    def row(self, config: RunConfig) -> dict[str, Value]:
        """A run's values, of every key's type."""
        flat = flatten(config)
        return {key: self._typed(key, flat.get(key)) for key in self.keys}

    def _typed(self, key: str, value: Any) -> Value:
        if self.types[key] is bool:
            return bool(value)
        if self.types[key] is float:
            return float("nan") if value is None else float(value)
        return _MISSING if value is None else str(value)

    def experiment(self) -> Any:
        """What the table has for columns."""
        infos = []
        for key in self.keys:
            values = sorted({row[key] for row in self._rows})
            # TensorBoard sorts by this mark, then by name, and shows the first five.
            info = api_pb2.HParamInfo(name=key, differs=key in self.keys[:_SHOWN])
            if self.types[key] is float:
                info.type = api_pb2.DATA_TYPE_FLOAT64
            else:
                is_bool = self.types[key] is bool
                info.type = api_pb2.DATA_TYPE_BOOL if is_bool else api_pb2.DATA_TYPE_STRING
                info.domain_discrete.extend(values)
            infos.append(info)
        metrics = [
            api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag), display_name=title)
            for tag, title in METRICS.items()
        ]
        experiment = api_pb2.Experiment(hparam_infos=infos, metric_infos=metrics)
        return _summary(metadata.EXPERIMENT_TAG, HParamsPluginData(experiment=experiment))

    def start(self, name: str, config: RunConfig, started: float) -> Any:
        """The row of a run: its name there, and its values."""
        info = SessionStartInfo(group_name=name, start_time_secs=started)
        for key, value in self.row(config).items():
            match value:
                case bool():
                    info.hparams[key].bool_value = value
                case float():
                    info.hparams[key].number_value = value
                case str():
                    info.hparams[key].string_value = value
        return _summary(metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=info))


def end(state: State, ended: float) -> Any:
    """How a run ended, or None while it goes on."""
    if state not in _SESSION_STATES:
        return None
    info = SessionEndInfo(status=_SESSION_STATES[state], end_time_secs=ended)
    return _summary(metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=info))


def _summary(tag: str, data: Any) -> Any:
    # The tab reads the metadata alone; every value needs a tensor all the same.
    value = Summary.Value(
        tag=tag, tensor=metadata.NULL_TENSOR, metadata=metadata.create_summary_metadata(data)
    )
    return Summary(value=[value])


def _differing(rows: list[dict[str, Any]]) -> list[str]:
    """The keys that have more than one value, in the order of the schema."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return [key for key in keys if len({row.get(key) for row in rows}) > 1]


def _common_type(values: list[Any]) -> type[bool] | type[float] | type[str]:
    if all(isinstance(value, bool) for value in values):
        return bool
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return float
    return str
