import torch

from bnrepro.training.activations import sample_values


def test_large_layer_is_sampled_in_all_its_units() -> None:
    values = sample_values(torch.arange(100.0).repeat(1_000, 1).flatten(), most=20_000)
    assert len(values) <= 20_000
    assert set(values) == set(range(100))


def test_small_layer_is_taken_whole() -> None:
    values = torch.randn(300, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.from_numpy(sample_values(values, most=300)), values)
