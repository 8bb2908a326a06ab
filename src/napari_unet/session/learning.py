"""Would more labels help, asked of a session: a snapshot now, trainings in any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.errors import UserError
from napari_unet.session.preparing import prepare_training
from napari_unet.session.rounds import BUNDLED
from napari_unet.session.state import State
from napari_unet.session.tasks import TrainingTask

if TYPE_CHECKING:
    from napari_unet.session.companions import Companions
    from napari_unet.workflow.learning_curve import LearningCurve


@dataclass(frozen=True, eq=False)
class LearningCurveTask:
    """Trainings on parts of the annotation that are ready to run.

    Attributes
    ----------
    training
        A training on all of it, which knows the images.
    """

    training: TrainingTask

    def run(self, on_progress: OnProgress, should_stop: ShouldStop) -> LearningCurve:
        """Train several times, with one thread less than there are cores; safe in any thread."""
        import torch

        from napari_unet.network.bundled import bundled_for
        from napari_unet.workflow.learning_curve import measure_learning_curve

        task = self.training
        images, _ = task.read_images(lambda report: None, should_stop)
        return measure_learning_curve(
            images,
            bundled_for(len(task.channel_names)),
            task.settings.model_copy(update={"threads": max(torch.get_num_threads() - 1, 1)}),
            class_names=task.class_names,
            object_size=task.object_size,
            rgb=task.rgb,
            on_progress=on_progress,
            should_stop=should_stop,
        )


def prepare_learning_curve(state: State, companions: Companions | None = None) -> LearningCurveTask:
    """Get ready to see what more annotation would bring.

    Raises
    ------
    UserError
        When nothing can be learned from what is annotated, or it is of classes.
    """
    if state.labels_are is LabelsAre.CLASSES:
        raise UserError("Whether more labels would help is measured on objects; you paint classes.")
    settings = state.training_choices.training_settings().model_copy(update={"preset": "laptop"})
    return LearningCurveTask(prepare_training(state, BUNDLED, settings, companions))
