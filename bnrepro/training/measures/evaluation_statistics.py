"""Section 3.1: what batch normalization uses at evaluation, and what becomes of the accuracy."""

from bnrepro.nn import normalize_by_batch
from bnrepro.runs import Row
from bnrepro.training.evaluation import evaluate_in_batches, evaluate_network
from bnrepro.training.measurement import Measurement, Subject

_BATCH_SIZES = (2, 4, 8, 16, 32, 64, 128, 256)


def evaluation_statistics(subject: Subject) -> Measurement:
    """Accuracy and loss by each of the statistics in ``evaluation.compare``.

    ``test/<statistics>/accuracy`` and ``/loss`` for population, pooled and moving; for the
    mini-batch's own, batch_2, batch_4 and so on up to what the held-out set can fill.
    """
    session, evaluation = subject.session, subject.session.config.evaluation
    rows: dict[str, Row] = {}
    # First the one that is measured anyway.
    if evaluation.statistics in evaluation.compare:
        rows[evaluation.statistics] = subject.accuracy_and_loss
    for statistics in ("population", "pooled", "moving"):
        if statistics in evaluation.compare and statistics not in rows:
            network = subject.network_with(statistics)
            rows[statistics] = evaluate_network(network, session.dataset, session.device)
    if "batch" in evaluation.compare:
        network = normalize_by_batch(session.model)
        for size in _BATCH_SIZES:
            if size <= len(session.dataset.test):
                rows[f"batch_{size}"] = evaluate_in_batches(
                    network, session.dataset, session.device, size
                )
    return Measurement(
        {
            tag.replace("test/", f"test/{name}/"): value
            for name, row in rows.items()
            for tag, value in row.items()
        }
    )
