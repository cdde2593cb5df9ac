import torch

from bnrepro.data import BatchOrder, epoch_order

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
