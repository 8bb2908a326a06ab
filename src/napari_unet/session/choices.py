"""What is chosen under *Train*, as it is kept with a project."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

if TYPE_CHECKING:
    from napari_unet.network.training_settings import TrainingSettings

TRAINING_CHOICES = "training_choices"
"""Name of the project's note."""


class TrainingChoices(BaseModel):
    """How the next training is to go.

    Attributes
    ----------
    start
        Key of what it starts from, as in `Rounds.starts`; empty for what suits best.
    budget
        Minutes, "until" it is stopped, or by "steps".
    steps
        How many, where the budget is by steps.
    then_segment
        Whether the plane that is shown is segmented afterwards.
    against_anew
        Whether a round that goes on from another one is compared with a short start from the bundled network.
    dimensions
        3 to learn from volumes, where the image is a stack.
    run_on
        Address of a scheduler whose workers train; empty for this computer. It is neither kept nor read: whoever
        opens a project must not be connected to an address that somebody else wrote into it.
    settings
        All else, as `TrainingSettings` are dumped; ``None`` for the defaults.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    start: str = Field(default="", max_length=4096)
    budget: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] | Literal["until", "steps"] = 1.0
    steps: int = Field(default=300, ge=1, le=1_000_000)
    then_segment: bool = True
    against_anew: bool = True
    dimensions: Literal[2, 3] = 2
    run_on: str = Field(default="", max_length=4096, exclude=True)
    settings: dict[str, JsonValue] | None = None

    @classmethod
    def read(cls, kept: JsonValue) -> TrainingChoices:
        """Return choices that were kept; the defaults where nothing sound was."""
        with suppress(ValidationError):
            return cls.model_validate(kept).model_copy(update={"run_on": ""})
        return cls()

    def training_settings(self) -> TrainingSettings:
        """Return the settings besides time and steps."""
        from napari_unet.network.training_settings import TrainingSettings

        with suppress(ValidationError):  # a version that knew other settings
            return TrainingSettings.model_validate(self.settings or {})
        return TrainingSettings()
