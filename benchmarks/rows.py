"""Rows of a benchmark's table: one per run, written at once, so that an interrupted benchmark goes on."""

import argparse
import csv
import datetime
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from few_crops_data import Sample

ROOT = Path(__file__).resolve().parents[1]


def add_options(parser: argparse.ArgumentParser, name: str) -> None:
    """Add what every benchmark with a table is asked for: where images are, where rows go, and to show these."""
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data", help="default: ../shared/data")
    parser.add_argument("--out", type=Path, default=ROOT / f"benchmarks/out/{name}.csv")
    parser.add_argument("--report", action="store_true", help="print what has been run and stop")


def describe_run(crops: list[Sample], test: list[Sample]) -> dict[str, object]:
    """What is needed to run the row again and to judge its times."""
    commit = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    )
    packages = ("napari-unet", "torch", "numpy", "scikit-image", "scikit-learn")
    return {
        "images": len(test),
        "crops": " ".join(crop.name[:12] for crop in crops),
        "date": datetime.date.today().isoformat(),
        "commit": commit.stdout.strip(),
        "machine": f"{platform.system()} {platform.machine()}, {processor_name()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in packages),
    }


def processor_name() -> str:
    """The processor's name and the number of cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {cores} cores"


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows that have been run."""
    if not path.exists():
        return []
    with path.open(newline="") as table:
        return list(csv.DictReader(table))


def append_row(path: Path, row: dict[str, object], columns: list[str]) -> None:
    """Add one row at once, so that an interrupted benchmark goes on where it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("a", newline="") as table:
        writer = csv.DictWriter(table, columns, restval="")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def is_done(path: Path, key: dict[str, object]) -> bool:
    """Whether a run with this key has its row."""
    return any(all(row[name] == str(value) for name, value in key.items()) for row in read_rows(path))
