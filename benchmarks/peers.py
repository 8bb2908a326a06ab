"""Other programs beside the U-Net: StarDist and Cellpose 3, from scratch, on the same four crops.

    python benchmarks/peers.py                              # both, on all sets of objects, three seeds, 240 s each
    python benchmarks/peers.py --peers stardist --sets dsb2018-colour --seeds 0 --seconds 60 --limit 2
    python benchmarks/peers.py --report                     # beside what the other scripts have measured

Each peer lives in an environment of its own below benchmarks/out/peers, which is made when it is first needed
(from PyPI, pinned versions, 1 to 2 GB each). Every run is a row of benchmarks/out/peers.csv; runs that are
there are not repeated. The peers get the crops of `few_crops.py` as labels of objects, as many cores and as
many seconds of training as the U-Net; what they find is measured by `napari-unet evaluate`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from few_crops_data import DATA_SETS, DataSet, Sample, as_objects, draw_crops, read_test
from peers_report import write_report
from rows import ROOT, append_row, describe_run, is_done, read_rows
from shell_loop import score

OUT = ROOT / "benchmarks/out"


@dataclass(frozen=True)
class Peer:
    """A program: the script that trains it and what pip installs for it."""

    script: str
    packages: tuple[str, ...]


PEERS = {
    "stardist": Peer(
        "peer_stardist.py",
        (
            "stardist==0.9.2",
            "csbdeep==0.8.2",
            "keras==3.15.1",
            "numpy==2.1.3",
            "tensorflow==2.19.1; sys_platform == 'darwin'",
            "tensorflow-cpu==2.19.1; sys_platform != 'darwin'",
        ),
    ),
    "cellpose": Peer("peer_cellpose.py", ("cellpose==3.1.1.3", "numpy==2.0.2", "torch==2.13.0")),
}

COLUMNS = [
    *("set", "peer", "seed", "seconds", "limit", "images", "ap50", "f1", "rand", "pixel_error"),
    *("train_s", "steps", "fit_s", "segment_s", "object_size", "settings"),
    *("crops", "date", "commit", "machine", "versions"),
]


def main() -> None:
    """Read the options and run what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=DATA_SETS, default=list(DATA_SETS))
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=240.0, help="of training")
    parser.add_argument("--limit", type=int, help="score at most this many test images per set")
    parser.add_argument("--jobs", type=int, default=2, help="processor cores")
    parser.add_argument("--python", default=sys.executable, help="makes the environments: 3.11 or 3.12")
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data", help="default: ../shared/data")
    parser.add_argument("--out", type=Path, default=OUT / "peers.csv")
    parser.add_argument("--keep", type=Path, help="keep the label images in this folder, to look at them")
    parser.add_argument("--report", action="store_true", help="print what has been run and stop")
    options = parser.parse_args()
    if options.report:
        unet, forest = read_rows(OUT / "few_labels.csv"), read_rows(OUT / "few_crops.csv")
        print(write_report(read_rows(options.out), unet, forest, options.seconds))
        return
    for name in options.sets:
        data_set = DATA_SETS[name]
        if data_set.labels_are == "classes":
            print(f"{name}: skipped, its labels are classes, and neither StarDist nor Cellpose learns those.")
        elif not data_set.is_there(options.data):
            print(f"{name}: skipped, its images are not in {options.data} (see --data).")
        else:
            run_set(data_set, options)


def run_set(data_set: DataSet, options: argparse.Namespace) -> None:
    """Run what is missing of one set."""
    test = read_test(data_set, options.data, options.limit)
    for seed in options.seeds:
        crops = draw_crops(data_set, options.data, seed)
        for name in options.peers:
            key = {"set": data_set.name, "peer": name, "seed": seed, "seconds": options.seconds}
            key["limit"] = options.limit or ""
            if is_done(options.out, key):
                print(f"{data_set.name}, {name}, seed {seed}: is there already.")
                continue
            python = make_environment(PEERS[name], OUT / "peers" / name, options.python)
            with tempfile.TemporaryDirectory() as folder:
                root = Path(folder)
                notes = run_peer(PEERS[name], python, root, data_set, crops, test, seed, options)
                scores = score(data_set, root / "read", test)
                if options.keep:
                    keep(root / "read", options.keep / f"{data_set.name}-{name}-{seed}")
            append_row(options.out, key | scores | describe_run(crops, test) | notes, COLUMNS)
            print(f"{data_set.name}, {name}, seed {seed}:", scores, notes, flush=True)


def make_environment(peer: Peer, folder: Path, python: str) -> Path:
    """The interpreter of the peer's environment, which is made unless it holds these packages already."""
    interpreter = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp, wanted = folder / "packages.txt", "\n".join(peer.packages)
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Making the environment {folder}: some minutes.", flush=True)
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *peer.packages], check=True)
        stamp.write_text(wanted)
    return interpreter


def run_peer(
    peer: Peer,
    python: Path,
    root: Path,
    data_set: DataSet,
    crops: list[Sample],
    test: list[Sample],
    seed: int,
    options: argparse.Namespace,
) -> dict[str, object]:
    """Let the peer train and read in its environment: label images in `root`/read; what it says of itself."""
    write_tiffs(root / "crops", {f"{i}": crop.image for i, crop in enumerate(crops)})
    labels = {f"{i}": as_objects(crop.labels, data_set.coding) for i, crop in enumerate(crops)}
    write_tiffs(root / "labels", labels)
    write_tiffs(root / "test", {sample.name: sample.image for sample in test})
    script = Path(__file__).with_name(peer.script)
    with (root / "log.txt").open("w+") as log:
        done = subprocess.run(
            [python, script, root, str(options.seconds), str(seed)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=peer_environ(options.jobs),
            check=False,
        )
        if done.returncode:
            log.seek(0)
            raise SystemExit(f"{peer.script} failed:\n{log.read()[-3000:]}")
    return json.loads((root / "report.json").read_text())


def peer_environ(jobs: int) -> dict[str, str]:
    """The variables of the environment that keep a peer to so many cores, off the GPU and to its own packages."""
    threads = (
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"),
        *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
    )
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return kept | dict.fromkeys(threads, str(jobs)) | {"CUDA_VISIBLE_DEVICES": ""}


def write_tiffs(folder: Path, images: dict[str, np.ndarray]) -> None:
    """Write each image under its name."""
    folder.mkdir()
    for name, image in images.items():
        tifffile.imwrite(folder / f"{name}.tif", image)


def keep(read: Path, folder: Path) -> None:
    """Copy the label images of one run."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in read.glob("*.tif"):
        (folder / path.name).write_bytes(path.read_bytes())


if __name__ == "__main__":
    main()
