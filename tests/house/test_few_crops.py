"""The benchmark's verdict on figures that are known, and its choice of crops."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import few_crops_report

    return few_crops_report


def rows(method: str, values: list[float], measure: str, name: str) -> list[dict[str, str]]:
    described = {"machine": "m", "versions": "v", "commit": "c", "limit": ""}
    minutes = "0.0" if method == "forest" else "2.0"
    return [
        {"set": name, "method": method, "seed": str(k), "minutes": minutes, measure: str(value), **described}
        for k, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("unet", "forest", "holds"),
    [
        ([0.80, 0.82, 0.84], [0.70, 0.71, 0.72], "+0.110 | 0.040 yes | 0.040 yes |"),
        ([0.70, 0.80, 0.90], [0.70, 0.71, 0.72], "+0.090 | 0.200 **no** | 0.200 **no** |"),
        ([0.80, 0.82, 0.84], [0.60, 0.75, 0.90], "+0.070 | 0.040 yes | 0.300 **no** |"),
    ],
)
def test_ahead_by_more_than_twice_the_spread(
    report: ModuleType, unet: list[float], forest: list[float], holds: str
) -> None:
    both = rows("bundled", unet, "mean_iou", "axon_sem") + rows("forest", forest, "mean_iou", "axon_sem")
    assert holds in report.write_report(both)


def test_a_smaller_pixel_error_is_better(report: ModuleType) -> None:
    line = report.write_line("isbi2012_em", -1, [0.08, 0.081], [0.11, 0.111])
    assert "+0.030" in line
    assert "yes" in line


def test_one_seed_gives_no_verdict(report: ModuleType) -> None:
    assert "yes" not in report.write_line("axon_sem", 1, [0.9], [0.1])


def test_crops_are_worth_painting_and_follow_the_seed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import imageio.v3 as iio

    import few_crops_data

    rng = np.random.default_rng(0)
    for folder in ("images", "labels"):
        (tmp_path / "axon_sem" / folder).mkdir(parents=True)
    for rat in (1, 2, 3, 4, 5, 8):
        labels = np.zeros((40, 600), np.uint8)
        labels[:, 200:400], labels[:, 400:] = 1, 2
        if rat == 2:
            labels[:] = 0  # nothing to paint
        iio.imwrite(
            tmp_path / "axon_sem/images" / f"sub-rat{rat}_a.png", rng.integers(0, 99, (40, 600), np.uint8)
        )
        iio.imwrite(tmp_path / "axon_sem/labels" / f"sub-rat{rat}_a.png", labels)
    data_set = few_crops_data.DATA_SETS["axon_sem"]
    assert [path.stem for path, _ in data_set.test(tmp_path)] == ["sub-rat3_a", "sub-rat8_a"]
    with pytest.raises(SystemExit, match="fewer than 4"):
        few_crops_data.draw_crops(data_set, tmp_path, seed=0)
    crops = few_crops_data.draw_crops(data_set, tmp_path, seed=0, n_crops=3)
    assert {crop.name for crop in crops} == {"sub-rat1_a", "sub-rat4_a", "sub-rat5_a"}
    assert all(crop.labels.shape == (40, 512) for crop in crops)
    again = few_crops_data.draw_crops(data_set, tmp_path, seed=0, n_crops=3)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(crops, again, strict=True))
