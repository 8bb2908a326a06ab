"""The loop of the window without a window: paint, train, segment, correct, train again.

A `Session` holds one image, what was painted on it, the rounds and the segmentation. The window is only its
face; a script that paints for you (from another tool's output, or by a rule) drives it in the same way.

    python examples/custom_loop.py --steps 20
"""

import argparse
from pathlib import Path

import numpy as np

import napari_unet as unet
from napari_unet.callbacks import never_stop, no_progress
from napari_unet.session import ImageSource, Session, Which

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--steps", type=int, help="train for so many steps instead of one minute")
parser.add_argument("--output", type=Path, default=Path("example-output"), help="folder for the results")
options = parser.parse_args()
options.output.mkdir(exist_ok=True)

# Generated cells with exact truth; whoever paints has painted the left third of them so far.
image, truth = unet.touching_cells((256, 256), diameter=26, seed=4)
annotation = unet.to_annotation(truth, unet.Coding.MASKS)  # 0 not annotated, 1 background, from 2 on cells
annotation[:, 90:] = 0

settings = unet.TrainingSettings(steps=options.steps, minutes=None if options.steps else 1)
session = Session()
session.said.connect(lambda level, sentence: print(f"  {sentence}"))
session.set_image(ImageSource("cells", image, scale=(0.5, 0.5), units=("um", "um")))
session.adopt_annotation(annotation, unet.Coding.PROJECT, unet.LabelsAre.OBJECTS)


def train_and_segment(start: str) -> None:
    """One turn of the loop. `run` may go into a thread of yours; all else stays in one thread."""
    training = session.prepare_training(start, settings)
    done = session.finish_training(training, training.run(lambda report: None, never_stop))
    segmentation = session.prepare_segmentation()
    session.finish_segmentation(segmentation, segmentation.run(no_progress, never_stop))
    # Quality is told only by what was neither painted nor corrected: the right third.
    untouched = np.zeros(truth.shape, bool)
    untouched[:, 180:] = True
    found = unet.match(session.result(), truth, 0.5, valid=untouched)
    print(f"{done.name}: {found.tp} cells found, {found.fn} missed, {found.fp} too many, F1 {found.f1:.2f}")


print(f"Objects are about {session.object_size()[0]:.0f} px wide; problems found:")
for problem in session.problems(()):
    print(f"  {problem.sentence}")
train_and_segment("scratch")

# Correct one place, as a brush would: give the box to the session. What the correction touches enters the
# annotation, and one undo takes all of it back.
box = (slice(100, 180), slice(95, 175))
corrected = np.where(truth[box] > 0, truth[box] + session.segmentation.max(), 0)
session.record_stroke(Which.SEGMENTATION, (100, 95), corrected, "Correct")
print(f"Annotated pixels after the correction: {np.count_nonzero(session.annotation)}")
session.undo()
session.redo()

train_and_segment(f"round {session.current.number}")

session.save_labels(options.output / "loop.tif")
session.save_table(options.output / "loop.csv")
session.save_model(options.output / "loop.safetensors")
