"""Quality against effort: an annotator with exact truth corrects round by round, from first strokes to the end.

    python benchmarks/simulated_user.py                                     # all sets and arms, three seeds: a day
    python benchmarks/simulated_user.py --sets dsb2018-colour --seeds 0 --arms inbox random --corrections 2
    python benchmarks/simulated_user.py --report

Arms: *inbox* answers what the inbox ranks first; *worst* finds by eye what is worst (and pays for the search);
*random* takes objects as they come. Costs per action are in simulated_annotator.py. All goes through the Session. Every
round is a row of benchmarks/out/simulated_user.csv; runs that are complete are not repeated. *full* is the reference:
everything annotated, as many steps as all rounds together. Start from weights that left a set out with --start FILE.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np

from few_crops_data import Sample
from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import never_stop, no_progress
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.objects.measures import match, merges_and_splits
from napari_unet.session import SCRATCH, ImageSource, Plane, Session, Which
from napari_unet.workflow import segment_image
from rows import add_options, append_row, describe_run, read_rows
from simulated_annotator import RIGHT, Annotator, present
from simulated_sets import SETS, Images

ARMS = ("inbox", "worst", "random")
COLUMNS = [
    *("set", "start", "arm", "corrections", "seed", "steps", "seconds_per_round", "round"),
    *("effort_s", "objects", "f1", "merges", "splits", "train_s", "segment_s", "actions"),
    *("images", "crops", "date", "commit", "machine", "versions"),
]
FIRST_OBJECTS = 4
NEAR = 0.02  # of F1: within 2 points of full annotation
FULL = "full"


@dataclass(frozen=True)
class Run:
    """One run: an arm, how much corrections count, a seed."""

    set: str
    start: str
    arm: str
    corrections: float
    seed: int

    def key(self) -> dict[str, object]:
        """What its rows have in common."""
        return {
            "set": self.set,
            "start": Path(self.start).name,
            "arm": self.arm,
            "corrections": self.corrections,
            "seed": self.seed,
        }


def main() -> None:
    """Read the options and run what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument(
        "--corrections", nargs="+", type=float, default=[2.0, 1.0], help="1: count as the rest"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=60, help="of training per round")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the annotator per round")
    parser.add_argument(
        "--start", default=SCRATCH, help="of the first round: scratch, bundled or a model file"
    )
    add_options(parser, "simulated_user")
    options = parser.parse_args()
    if options.report:
        print(write_table(read_rows(options.out)))
        return
    for name in options.sets:
        if name.startswith("dsb2018") and not (options.data / "dsb2018").is_dir():
            print(f"{name}: skipped, its images are not in {options.data} (see --data).")
            continue
        for seed in options.seeds:
            images = SETS[name](options.data, seed)
            arms = [(FULL, 1.0)] + [(arm, c) for c in options.corrections for arm in options.arms]
            for arm, corrections in arms:
                run(Run(name, options.start, arm, corrections, seed), images, options)


def run(chosen: Run, images: Images, options: argparse.Namespace) -> None:
    """Do the rounds of a run whose rows are missing; all of them are done again, equal steps give equal rounds."""
    key = chosen.key() | {"steps": options.steps, "seconds_per_round": options.seconds}
    there = {
        int(row["round"])
        for row in read_rows(options.out)
        if all(row[name] == str(value) for name, value in key.items())
    }
    last = 0 if chosen.arm == FULL else options.rounds - 1
    if last in there:
        return
    described = describe_run([], [Sample(chosen.set, image, image) for image in images.read])
    for number, scores in enumerate(rounds_of(chosen, images, options)):
        if number not in there:
            append_row(options.out, key | {"round": number} | scores | described, COLUMNS)
        print(key["set"], chosen.arm, chosen.corrections, chosen.seed, number, scores, flush=True)


def rounds_of(chosen: Run, images: Images, options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Annotate, train and read, round by round."""
    rng = np.random.default_rng([chosen.seed, 11])
    session = begin_session(images)
    annotator = Annotator(session, images.work_truth)
    if chosen.arm == FULL:
        everything = (images.work_truth + 1).astype(np.int32)
        session.record_stroke(Which.ANNOTATION, (0, 0, 0), everything)
        steps, n_rounds = options.steps * options.rounds, 1
    else:
        plane = (int(rng.integers(len(images.work))),)
        annotator.begin(plane, FIRST_OBJECTS, rng)
        steps, n_rounds = options.steps, options.rounds
    start = start_of(session, chosen.start)
    for number in range(n_rounds):
        if number:
            spend(annotator, chosen.arm, options.seconds * number + first_cost(), rng)
        start, seconds = train(session, start, steps, chosen)
        began = time.perf_counter()
        scores = read(session, images)
        if number + 1 < n_rounds:
            show(session)
        yield {
            "effort_s": round(annotator.effort.seconds, 1),
            "objects": sum(len(present(labels - 1)) for labels in session.painting.labels),
            **scores,
            "train_s": round(seconds, 1),
            "segment_s": round(time.perf_counter() - began, 1),
            "actions": " ".join(f"{name}:{n}" for name, n in sorted(annotator.effort.actions.items())),
        }


def begin_session(images: Images) -> Session:
    """A session on the stack, with an empty annotation of objects."""
    session = Session()
    session.set_image(ImageSource("work", images.work, rgb=images.rgb))
    session.annotating.start(LabelsAre.OBJECTS)
    return session


def start_of(session: Session, start: str) -> str:
    """The key of what the first round starts from."""
    return start if start in ("scratch", "bundled") else session.load_start_file(start)


def first_cost() -> float:
    """What the first strokes took."""
    from simulated_annotator import COSTS

    return FIRST_OBJECTS * (COSTS["paint"] + COSTS["background"])


def train(session: Session, start: str, steps: int, chosen: Run) -> tuple[str, float]:
    """Train one round; its key, and seconds."""
    settings = TrainingSettings(minutes=None, steps=steps, seed=chosen.seed)
    weights = settings.weight_map.model_copy(update={"corrections": chosen.corrections})
    task = session.prepare_training(start, settings.model_copy(update={"weight_map": weights}))
    began = time.perf_counter()
    done = session.finish_training(task, task.run(lambda report: None, never_stop))
    return done.key, time.perf_counter() - began


def show(session: Session) -> None:
    """Segment the stack, as the window does after a round."""
    task = session.prepare_segmentation()
    session.finish_segmentation(task, task.run(no_progress, never_stop))


def read(session: Session, images: Images) -> dict[str, object]:
    """F1 at IoU 0.5, merges and splits on images that nobody annotates."""
    tp = fp = fn = merges = splits = 0
    for image, truth in zip(images.read, images.read_truth, strict=True):
        pixels = np.moveaxis(image, -1, 0) if images.rgb else image[np.newaxis]
        found = segment_image(session.current.model, pixels).labels
        matched = match(found, truth, 0.5)
        tp, fp, fn = tp + matched.tp, fp + matched.fp, fn + matched.fn
        merged, cut = merges_and_splits(found, truth)
        merges, splits = merges + merged, splits + cut
    return {"f1": round(2 * tp / max(2 * tp + fp + fn, 1), 4), "merges": merges, "splits": splits}


def spend(annotator: Annotator, arm: str, until: float, rng: np.random.Generator) -> None:
    """Let the annotator work until they have spent so many seconds in all, or nothing is left."""
    for act in {"inbox": by_inbox, "worst": by_worst, "random": by_chance}[arm](annotator, rng):
        act()
        if annotator.effort.seconds >= until:
            return


def planes_of(annotator: Annotator) -> list[Plane]:
    """All planes of the stack."""
    return [(k,) for k in range(len(annotator.truth))]


def by_inbox(annotator: Annotator, rng: np.random.Generator) -> Iterator:
    """Answer what the inbox ranks first over all planes; when it is empty, go on by eye."""
    inbox = annotator.session.inbox
    doubts = [(plane, doubt) for plane in planes_of(annotator) for doubt in inbox.look(plane).doubts]
    doubts.sort(key=lambda entry: -entry[1].score)
    for plane, doubt in doubts:
        if inbox.is_open(plane, doubt):
            yield lambda plane=plane, doubt=doubt: annotator.answer(plane, doubt)
    yield from by_worst(annotator, rng)


def by_worst(annotator: Annotator, rng: np.random.Generator) -> Iterator:
    """Correct the worst object of all planes, found by eye, then the next one; at last accept what is right."""
    errors = []
    for plane in planes_of(annotator):
        quality, left = annotator.quality(plane), annotator.undecided(plane)
        errors += [(quality[k], plane, k, False) for k in left]
        errors += [(0.1, plane, k, True) for k in annotator.ghosts(plane)]
    for iou, plane, number, ghost in sorted(errors):

        def act(plane: Plane = plane, number: int = number, ghost: bool = ghost, iou: float = iou) -> None:
            annotator.effort.spend("search" if iou < RIGHT else "look")
            if not ghost:
                annotator.decide(plane, number)
            elif number in present(annotator.shown(plane)):
                annotator.delete(plane, number)

        yield act


def by_chance(annotator: Annotator, rng: np.random.Generator) -> Iterator:
    """Look at objects as they come, accept what is right and correct what is not."""
    every = []
    for plane in planes_of(annotator):
        every += [(plane, k, False) for k in annotator.undecided(plane)]
        every += [(plane, k, True) for k in annotator.ghosts(plane)]
    for k in rng.permutation(len(every)):

        def act(plane: Plane = every[k][0], number: int = every[k][1], ghost: bool = every[k][2]) -> None:
            annotator.effort.spend("look")
            if not ghost:
                annotator.decide(plane, number)
            elif number in present(annotator.shown(plane)):
                annotator.delete(plane, number)

        yield act


def write_table(rows: list[dict[str, str]]) -> str:
    """Per set, arm and weight of corrections: seconds until within 2 points of F1 of full annotation, and curves."""
    lines = [
        "| set | start | arm | corrections | seeds | F1 of full | F1 per round (mean) | s to within 2 points |"
    ]
    lines.append("|" + "---|" * 8)
    for name, start in sorted({(row["set"], row["start"]) for row in rows}):
        mine = [row for row in rows if (row["set"], row["start"]) == (name, start)]
        full = {row["seed"]: float(row["f1"]) for row in mine if row["arm"] == FULL}
        for arm, corrections in sorted({(r["arm"], r["corrections"]) for r in mine if r["arm"] != FULL}):
            of_arm = [r for r in mine if (r["arm"], r["corrections"]) == (arm, corrections)]
            seeds = sorted({r["seed"] for r in of_arm})
            reached = [effort_until([r for r in of_arm if r["seed"] == s], full.get(s)) for s in seeds]
            numbers = sorted({int(r["round"]) for r in of_arm})
            curve = [mean(float(r["f1"]) for r in of_arm if int(r["round"]) == n) for n in numbers]
            aims = " ".join(f"{full[s]:.3f}" for s in seeds if s in full)
            lines.append(
                f"| {name} | {start} | {arm} | {corrections} | {len(seeds)} | {aims or '–'} | "
                f"{' '.join(f'{f:.3f}' for f in curve)} | {' / '.join(reached)} |"
            )
    return "\n".join(lines) if len(lines) > 2 else "Nothing has been run yet."


def effort_until(rows: list[dict[str, str]], full: float | None) -> str:
    """Seconds of the annotator until the F1 is near that of full annotation, between rounds along a straight line."""
    if full is None:
        return "?"
    points = sorted((float(row["effort_s"]), float(row["f1"])) for row in rows)
    before = None
    for effort, f1 in points:
        if f1 >= full - NEAR:
            if before is None or f1 == before[1]:
                return f"{effort:.0f}"
            part = (full - NEAR - before[1]) / (f1 - before[1])
            return f"{before[0] + part * (effort - before[0]):.0f}"
        before = (effort, f1)
    return f"> {points[-1][0]:.0f}"


if __name__ == "__main__":
    main()
