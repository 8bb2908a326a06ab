"""The pinned versions must resolve on every system, so they hold plain versions only."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_constraints_pin_plain_versions_once() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    odd = [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", pin)]
    assert not odd, "a local version, a URL or a marker"
    names = [re.sub(r"[-_.]+", "-", pin.split("==")[0]).lower() for pin in pins]
    assert len(names) == len(set(names))
    assert "napari-unet" not in names
    assert "torch==2.13.0" in pins
