import torch

from bnrepro.data.order import BatchOrder, Shuffling, epoch_order

CPU = torch.device("cpu")


def test_epoch_is_a_permutation_that_depends_on_seed_and_epoch_alone() -> None:
    first = epoch_order(1000, seed=3, epoch=5)
    assert torch.equal(first, epoch_order(1000, seed=3, epoch=5))
    assert torch.equal(first.sort().values, torch.arange(1000))
    assert not torch.equal(first, epoch_order(1000, seed=3, epoch=6))
    assert not torch.equal(first, epoch_order(1000, seed=4, epoch=5))


def test_any_step_can_be_asked_for_first() -> None:
    straight = BatchOrder(100, 7, seed=1, device=CPU)
    batches = [straight.batch(step) for step in range(60)]
    for step in (59, 3, 14, 13):
        assert torch.equal(BatchOrder(100, 7, seed=1, device=CPU).batch(step), batches[step])


def test_epoch_holds_no_example_twice_and_no_short_batch() -> None:
    order = BatchOrder(100, 7, seed=1, device=CPU)
    assert order.batches_per_epoch == 14
    epoch = torch.cat([order.batch(step) for step in range(14, 28)])
    assert len(epoch) == len(epoch.unique()) == 98


def _companions(kind: str, epoch: int) -> list[frozenset[int]]:
    """Which examples share a mini-batch."""
    shuffling = Shuffling(kind, shard_examples=20)
    order = BatchOrder(100, 10, seed=1, device=CPU, shuffling=shuffling)
    return [frozenset(order.batch(10 * epoch + i).tolist()) for i in range(10)]


def test_coarse_shuffling_keeps_the_same_examples_together() -> None:
    first, second = _companions("shards", 0), _companions("shards", 1)
    assert set(first) == set(second)
    assert first != second


def test_shuffling_within_shards_parts_them() -> None:
    first, second = _companions("within_shards", 0), _companions("within_shards", 1)
    assert not set(first) & set(second)
    shards = [{frozenset(a | b) for a in epoch for b in epoch} for epoch in (first, second)]
    assert len(shards[0] & shards[1]) == 5, "the shards themselves stay"


def test_every_kind_of_shuffling_sees_every_example_once() -> None:
    for kind in ("full", "within_shards", "shards"):
        order = epoch_order(103, 1, 4, Shuffling(kind, shard_examples=20))
        assert torch.equal(order.sort().values, torch.arange(103))
