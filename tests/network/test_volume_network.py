"""The network of volumes: Çiçek's sizes, anisotropic poolings, and a start from a network of planes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.errors import UserError
from napari_unet.network.architecture import flat_levels_for, laptop3d
from napari_unet.network.geometry import AxisGeometry
from napari_unet.network.inflation import inflate, inflated_config
from napari_unet.network.unet import CONVOLUTION, UP_CONVOLUTION, UNet, UNetConfig, n_parameters

torch.set_num_threads(1)


def tiny(**changes: object) -> UNetConfig:
    base = {"dimensions": 3, "in_channels": 1, "classes": 2, "width": 2, "depth": 2}
    return UNetConfig(**{**base, **changes})


def test_sizes_are_those_of_the_paper_on_volumes():
    """Çiçek et al. 2016: 132 × 132 × 116 voxels in, 44 × 44 × 28 out, three poolings, unpadded."""
    axis = AxisGeometry((2, 2, 2), (2, 2, 2, 2), padded=False)
    assert [size - 2 * axis.margin for size in (132, 116)] == [44, 28]
    assert axis.takes(132)
    assert axis.takes(116)


def test_flat_levels_leave_the_planes_alone():
    config = tiny(depth=3, flat_levels=2)
    assert config.through_planes.multiple == 2
    assert config.multiple == 8
    network = UNet(config).eval()
    assert network.contract[1].conv1.kernel_size == (1, 3, 3)
    assert network.contract[2].conv1.kernel_size == (3, 3, 3)
    with torch.inference_mode():
        assert network(torch.zeros(1, 1, 6, 16, 24)).shape == (1, 2, 6, 16, 24)
    with pytest.raises(UserError, match="make the 5 planes 4 or 6 planes"):
        network(torch.zeros(1, 1, 5, 16, 24))


def test_a_network_of_planes_has_no_flat_levels():
    with pytest.raises(ValueError, match="flat levels"):
        UNetConfig(in_channels=1, classes=2, flat_levels=1)


@pytest.mark.parametrize("flat_levels", [0, 1, 2])
def test_a_voxel_is_felt_through_the_planes_exactly_as_far_as_the_halo_says(flat_levels):
    config = tiny(flat_levels=flat_levels, normalisation="none", width=1)
    network = UNet(config).double().eval()
    for module in network.modules():
        if isinstance(module, (*CONVOLUTION.values(), *UP_CONVOLUTION.values())):
            torch.nn.init.ones_(module.weight)
    axis = config.through_planes
    size = 2 * axis.halo + 2 * axis.multiple
    for phase in range(axis.multiple):
        at = size // 2 // axis.multiple * axis.multiple + phase
        image = torch.zeros(1, 1, size, 4, 4, dtype=torch.double)
        with torch.inference_mode():
            before = network(image)
            image[:, :, at] = 1.0
            changed = (network(image) != before).amax(dim=(0, 1, 3, 4)).nonzero()[:, 0]
        for output in range(size):
            first, last = axis.receptive_interval(output)
            assert (first <= at <= last) == bool((changed == output).any())
    assert -axis.receptive_interval(0)[0] <= axis.halo


@given(thick=st.integers(0, 4), flat=st.integers(0, 3), size=st.integers(1, 90), padded=st.booleans())
@settings(deadline=None, max_examples=60)
def test_input_sizes_are_valid_and_give_enough(thick, flat, size, padded):
    axis = AxisGeometry((1,) * flat + (2,) * thick, (0,) * flat + (2,) * (thick + 1), padded)
    enough = axis.input_size(size)
    assert axis.takes(enough)
    assert enough - 2 * axis.margin >= size
    assert not axis.takes(axis.smallest - axis.multiple)


@pytest.mark.parametrize("flat_levels", [0, 1, 2])
def test_an_inflated_network_sees_alike_planes_as_the_flat_one_did(flat_levels):
    """Where nothing changes from plane to plane, poolings through the planes change nothing either."""
    config = UNetConfig(in_channels=2, classes=3, width=2, depth=2, distance=True)
    flat = UNet(config).eval()
    thick = UNet(inflated_config(config, flat_levels)).eval()
    thick.load_state_dict(inflate(flat.state_dict(), config, thick.config))
    plane = torch.rand(1, 2, 16, 24, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        wanted = flat(plane)
        volume = thick(plane[:, :, None].repeat(1, 1, 4, 1, 1))
    for z in range(4):
        torch.testing.assert_close(volume[:, :, z], wanted, atol=1e-5, rtol=1e-5)


def test_an_inflated_network_whose_levels_are_all_flat_but_the_bottom_sees_every_plane_alone():
    config = UNetConfig(in_channels=1, classes=2, width=2, depth=2)
    flat = UNet(config).eval()
    thick = UNet(inflated_config(config, 2)).eval()
    thick.load_state_dict(inflate(flat.state_dict(), config, thick.config))
    planes = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(4))
    with torch.inference_mode():
        wanted, volume = flat(planes), thick(planes.transpose(0, 1)[None])
    torch.testing.assert_close(volume[0].transpose(0, 1), wanted, atol=1e-5, rtol=1e-5)


@given(step=st.floats(0.3, 30), depth=st.integers(1, 5))
@settings(deadline=None)
def test_planes_are_pooled_from_where_a_voxel_is_about_isotropic(step, depth):
    flat = flat_levels_for(step, depth)
    thickness = [step / 2**level for level in range(depth)]  # in px of the level
    assert all(ratio > 1.5 for ratio in thickness[:flat])
    assert flat == depth - 1 or thickness[flat] <= 1.5 + 1e-9


def test_the_laptops_network_of_volumes_is_small_and_sees_beyond_a_cell():
    """Cells of 28 px, 4 px from plane to plane: seen whole, and trained on in minutes."""
    config = laptop3d(plane_step=4.0)
    assert config.flat_levels == 2
    assert n_parameters(UNet(config)) < 1_500_000
    assert config.halo >= 28
    assert config.through_planes.halo * 4 >= 28
