"""The architecture: the paper's numbers, valid sizes, the receptive reach, warm starts."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.errors import UserError
from napari_unet.network.unet import (
    UNet,
    UNetConfig,
    adapt,
    expect_background,
    initialise,
    laptop,
    n_parameters,
    ronneberger2015,
)

torch.set_num_threads(1)


def tiny(**changes: object) -> UNetConfig:
    return UNetConfig(**{"in_channels": 1, "classes": 2, "width": 2, "depth": 2, **changes})


@pytest.fixture(scope="module")
def paper() -> UNet:
    return UNet(ronneberger2015())


def test_paper_has_its_number_of_parameters_and_convolutions(paper):
    assert n_parameters(paper) == 31_030_658
    kinds = (torch.nn.Conv2d, torch.nn.ConvTranspose2d)
    assert sum(isinstance(module, kinds) for module in paper.modules()) == 23


def test_paper_turns_572_into_388_and_loses_92():
    config = ronneberger2015()
    assert config.output_size(572) == 388
    assert config.margin == 92
    assert config.input_size(388) == 572
    assert config.input_size(389) == 588


def test_paper_gives_the_size_it_promises(paper):
    with torch.inference_mode():
        assert paper.eval()(torch.zeros(1, 1, 188, 204)).shape == (1, 2, 4, 20)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("padded", [True, False])
def test_valid_sizes_are_exactly_those_that_pool_evenly(depth, padded):
    config = tiny(depth=depth, padded=padded)

    def out(size: int) -> int:  # the plain arithmetic of the paper's figure 1; 0 where it does not work
        lost = 0 if padded else 4
        for _ in range(depth):
            size -= lost
            if size < 2 or size % 2:
                return 0
            size //= 2
        size -= lost
        for _ in range(depth):
            size = 2 * size - lost if size > 0 else 0
        return max(size, 0)

    for size in range(1, 300):
        if out(size):
            assert config.output_size(size) == out(size)
        else:
            with pytest.raises(UserError):
                config.check_input_size(size, size)


@given(size=st.integers(1, 700), depth=st.integers(1, 5), padded=st.booleans())
@settings(deadline=None, max_examples=60)
def test_input_size_is_the_smallest_valid_one(size, depth, padded):
    config = tiny(depth=depth, padded=padded)
    enough = config.input_size(size)
    assert config.output_size(enough) >= size
    smaller = enough - config.multiple
    if smaller - 2 * config.margin >= size:
        with pytest.raises(UserError):
            config.check_input_size(smaller, smaller)


def test_a_bad_size_is_refused_with_the_nearest_good_ones():
    with pytest.raises(UserError, match=r"570 × 572.*556 or 572"):
        ronneberger2015().check_input_size(570, 572)
    with pytest.raises(UserError, match=r"side of 100 px 188 px long"):
        ronneberger2015().check_input_size(572, 100)
    with pytest.raises(UserError, match="16 or 32"):
        UNet(laptop())(torch.zeros(1, 1, 16, 17))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_reach_is_exactly_how_far_an_input_pixel_is_felt(depth):
    """Perturb one pixel: outputs change up to the reach on some axis position, and nowhere beyond."""
    config = tiny(depth=depth, normalisation="none", width=1)
    network = UNet(config).double().eval()
    for module in network.modules():  # all positive: no influence cancels or is clipped by ReLU or pooling
        if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            torch.nn.init.ones_(module.weight)
    reach, multiple = config.receptive_reach, config.multiple
    size = math.ceil((2 * reach + 2 * multiple) / multiple) * multiple
    furthest = 0
    for phase in range(multiple):
        at = size // 2 // multiple * multiple + phase
        image = torch.zeros(1, 1, multiple, size, dtype=torch.double)
        with torch.inference_mode():
            before = network(image)
            image[..., at] = 1.0
            changed = (network(image) != before).any(dim=1).any(dim=1)[0].nonzero()[:, 0]
        furthest = max(furthest, at - int(changed.min()), int(changed.max()) - at)
        for output in range(size):
            first, last = config.receptive_interval(output)
            assert (first <= at <= last) == bool((changed == output).any())
    assert furthest == reach


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_halo_covers_what_an_aligned_tile_sees(depth):
    config = tiny(depth=depth)
    last = config.multiple - 1
    assert -config.receptive_interval(0)[0] <= config.halo
    assert config.receptive_interval(last)[1] - last <= config.halo
    assert config.halo % config.multiple == 0
    assert config.halo - config.multiple < -config.receptive_interval(0)[0]


def test_initial_weights_have_the_papers_deviation():
    network = UNet(UNetConfig(in_channels=1, classes=2, width=32, depth=1, normalisation="none"))
    initialise(network, seed=3)
    conv = network.bottom.conv2  # 64 channels of 3×3: N = 576
    assert float(conv.weight.detach().std()) == pytest.approx(math.sqrt(2 / 576), rel=0.02)
    assert float(network.up[0].weight.detach().std()) == pytest.approx(math.sqrt(2 / 64), rel=0.05)
    assert not conv.bias.any()


def test_a_seed_gives_the_same_network_and_leaves_the_global_generator_alone():
    first, second = UNet(tiny()), UNet(tiny())
    state = torch.get_rng_state()
    initialise(first, seed=5)
    assert torch.equal(torch.get_rng_state(), state)
    initialise(second, seed=5)
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    initialise(second, seed=6)
    assert not torch.equal(first.classify.weight, second.classify.weight)


def test_initialise_forgets_the_statistics_of_the_images_seen_before():
    network = UNet(tiny()).train()
    network(torch.randn(2, 1, 16, 16) + 5)
    assert network.bottom.norm1.running_mean.any()
    initialise(network, seed=0)
    assert not network.bottom.norm1.running_mean.any()


def test_channels_and_outputs_follow_the_configuration():
    config = tiny(in_channels=3, classes=4, distance=True)
    assert UNet(config)(torch.zeros(2, 3, 8, 12)).shape == (2, 5, 8, 12)


def test_dropout_acts_in_training_only():
    network = UNet(tiny(dropout=0.5, normalisation="none"))
    image = torch.randn(1, 1, 16, 16)
    assert not torch.equal(network.train()(image), network(image))
    assert torch.equal(network.eval()(image), network(image))


def test_adapted_channels_see_an_image_of_equal_channels_as_before():
    old, new = tiny(in_channels=1, distance=True), tiny(in_channels=3, distance=True)
    before, after = UNet(old).eval(), UNet(new).eval()
    after.load_state_dict(adapt(before.state_dict(), old, new))
    image = torch.randn(1, 1, 8, 8)
    torch.testing.assert_close(after(image.repeat(1, 3, 1, 1)), before(image))


def test_more_classes_share_the_odds_of_the_foreground():
    old, new = tiny(classes=2), tiny(classes=4, distance=True)
    before, after = UNet(old).eval(), UNet(new).eval()
    torch.nn.init.normal_(before.classify.bias)
    after.load_state_dict(adapt(before.state_dict(), old, new))
    image = torch.randn(1, 1, 8, 8)
    p_before, logits = before(image).softmax(1), after(image)
    p_after = logits[:, :4].softmax(1)
    torch.testing.assert_close(p_after[:, 0], p_before[:, 0])
    torch.testing.assert_close(p_after[:, 1:].sum(1), p_before[:, 1])
    assert not logits[:, 4].any()  # the distance begins at even odds


def test_fewer_classes_keep_the_first_and_the_distance():
    old, new = tiny(classes=3, distance=True), tiny(classes=2, distance=True)
    before, after = UNet(old).eval(), UNet(new).eval()
    after.load_state_dict(adapt(before.state_dict(), old, new))
    image = torch.randn(1, 1, 8, 8)
    torch.testing.assert_close(after(image), before(image)[:, [0, 1, 3]])


def test_adapting_leaves_the_old_weights_alone_and_refuses_other_widths():
    network = UNet(tiny())
    kept = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    adapted = adapt(network.state_dict(), tiny(), tiny())
    adapted["classify.weight"].fill_(7)
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in kept.items())
    with pytest.raises(UserError, match=r"width 2.*4"):
        adapt(network.state_dict(), tiny(), tiny(width=4))


def test_a_network_without_memory_has_shapes_only():
    with torch.device("meta"):
        network = UNet(tiny(width=1024, depth=7))
    assert n_parameters(network) > 10**11


@pytest.mark.parametrize("classes", [2, 4])
def test_where_nothing_speaks_for_either_a_fresh_network_expects_background(classes: int) -> None:
    network = UNet(laptop(1, classes))
    expect_background(network, 0.1)
    with torch.no_grad():
        for parameter in network.classify.weight:
            parameter.zero_()
        probabilities = network(torch.zeros(1, 1, 32, 32))[:, :classes].softmax(1)
    assert probabilities[0, 0, 5, 5].item() == pytest.approx(0.9, abs=1e-5)
