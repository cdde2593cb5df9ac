import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from bnrepro.nn import BatchNorm, normalize_by_batch


def _normalized(x: Tensor) -> Tensor:
    return (x - x.mean(0)) / torch.sqrt(x.var(0, correction=0) + 1e-5)


@pytest.mark.parametrize("kind", [BatchNorm, nn.BatchNorm1d])
def test_equals_the_direct_computation_through_two_layers(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(4, 5), kind(5), nn.Sigmoid(), nn.Dropout(0.5), nn.Linear(5, 3), kind(3)
    )
    nn.init.normal_(model[1].weight)
    nn.init.normal_(model[1].bias)
    network = normalize_by_batch(model)
    for x in (torch.randn(2, 4), 3 * torch.randn(7, 4) + 1):
        hidden = torch.sigmoid(model[1].weight * _normalized(model[0](x)) + model[1].bias)
        assert_close(network(x), _normalized(model[4](hidden)))


@pytest.mark.parametrize("shape", [3, (3, 2, 2)])
def test_per_activation_layers_and_feature_maps_are_found(
    shape: int | tuple[int, int, int],
) -> None:
    layer = BatchNorm(shape)
    x = 5 * torch.randn(6, 3, 2, 2) + 2
    axes = (0, 2, 3) if isinstance(shape, int) else (0,)
    assert_close(normalize_by_batch(layer)(x).mean(axes), torch.zeros_like(layer.running_mean))


@pytest.mark.parametrize("kind", [BatchNorm, nn.BatchNorm1d])
def test_model_and_copy_stay_as_they_are(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5), kind(3))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    network = normalize_by_batch(model)
    x = torch.randn(6, 4)
    assert torch.equal(network(x), network(x)), "it keeps nothing, and drops nothing"
    assert all(module.training for module in model)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize("kind", [BatchNorm, nn.BatchNorm1d])
def test_single_example_is_refused(kind: type[nn.Module]) -> None:
    with pytest.raises(ValueError, match=r"(?i)more than 1 value"):
        normalize_by_batch(kind(3))(torch.randn(1, 3))
