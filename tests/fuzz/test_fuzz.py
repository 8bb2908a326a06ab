"""A few hundred broken files for every reader; ``make fuzz`` tries many more, led by what the code does with them."""

import random
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutation import mutate
from targets import TARGETS

try:
    import resource
except ImportError:  # Windows
    resource = None

EXAMPLES = {"a project's files": 40}
"""Opening a whole project takes longer."""


@pytest.fixture(autouse=True)
def _little_memory():
    """Let no reader take more than 4 GB above what is taken already."""
    if resource is None or not sys.platform.startswith("linux"):
        yield
        return
    with open("/proc/self/statm") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + 4 * 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_right_is_read(name, tmp_path):
    for number, seed in enumerate(TARGETS[name].seeds):
        (tmp_path / str(number)).mkdir()
        TARGETS[name].read(seed, tmp_path / str(number))


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_nearly_right_is_read_or_refused(name):
    target = TARGETS[name]

    @settings(
        max_examples=EXAMPLES.get(name, 100),
        deadline=10_000,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(st.sampled_from(target.seeds), st.integers(0, 2**32))
    def read(seed, number):
        target(mutate(seed, target.words, random.Random(number)))

    read()


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=25, deadline=10_000)
@given(content=st.binary(max_size=200))
def test_nonsense_is_refused(name, content):
    TARGETS[name](content)
