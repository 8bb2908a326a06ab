"""Look for files that break the readers, led by which code they reach: ``make fuzz``, or one target by its name.

    python tests/fuzz/fuzz.py [TARGET ...] [--seconds 60]

Every target runs in a process of its own, with 2 GB of memory and 10 s per file at most. What breaks a reader is kept
in ``fuzz-out/``; ``--again FILE TARGET`` reads it once more, with the traceback.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
OUT = Path("fuzz-out")
MOST_BYTES = 20_000
sys.path[:0] = [str(HERE), str(HERE.parent)]


def search(name: str, corpus: Path, seconds: int) -> None:
    """Run one target until the time is over or something breaks; does not return."""
    import atheris

    with atheris.instrument_imports(include=["napari_unet"]):
        from targets import TARGETS
    from mutation import mutate

    target = TARGETS[name]

    def change(content: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.3:
            return atheris.Mutate(content, most)
        return mutate(content, target.words, rng)[:most]

    for number, seed in enumerate(target.seeds):
        (corpus / str(number)).write_bytes(seed)
    options = ["-timeout=10", "-rss_limit_mb=2048", f"-max_len={MOST_BYTES}", "-print_final_stats=1"]
    options += [f"-max_total_time={seconds}", f"-artifact_prefix={OUT}/{name.replace(' ', '-')}-"]
    atheris.Setup([sys.argv[0], str(corpus), *options], target, custom_mutator=change)
    atheris.Fuzz()


def run(name: str, seconds: int) -> tuple[str, bool]:
    """Run one target in a process; return a line about it, and whether all went well."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as corpus:
        command = [sys.executable, __file__, name, "--inside", corpus, "--seconds", str(seconds)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    found = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    coverage = re.findall(r"cov: (\d+)", done.stderr)
    took = time.monotonic() - began
    line = (
        f"| {name} | {int(found[1]) if found else 0:,} | {took:.0f} s | {coverage[-1] if coverage else 0} |"
    )
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-4000:], sep="\n", file=sys.stderr)
    return (
        f"{line} {'nothing' if done.returncode == 0 else 'BROKE, see above and fuzz-out/'} |",
        not done.returncode,
    )


def main() -> int:
    """Run what is asked for; return 1 if something broke."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--again", type=Path)
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    OUT.mkdir(exist_ok=True)
    if asked.inside:
        search(asked.targets[0], asked.inside, asked.seconds)
    from targets import TARGETS

    if asked.again:
        TARGETS[asked.targets[0]](asked.again.read_bytes())
        return 0
    print("| reader | files tried | time | places of the code reached | broke |\n|---|---|---|---|---|")
    sound = True
    for name in asked.targets or TARGETS:
        line, well = run(name, asked.seconds)
        print(line, flush=True)
        sound &= well
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
