"""A round's network: in memory while it is used, else read back from the project that keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_unet.errors import UserError
from napari_unet.project import KeptRound

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model, ModelDescription


class RoundNetwork:
    """A network that takes memory only while it is used, once a project has it on disk.

    Safe in any thread.

    Parameters
    ----------
    description : ModelDescription
        What is known of the network without its weights; always in memory.
    model : Model, optional
        The network itself; without it there must be `kept`.
    kept : KeptRound, optional
        Where it is on disk.
    """

    def __init__(
        self, description: ModelDescription, model: Model | None = None, kept: KeptRound | None = None
    ) -> None:
        self.description = description
        self._model = model
        self._places = [kept] if kept is not None else []  # the newest last

    @property
    def is_in_memory(self) -> bool:
        """Whether it needn't be read."""
        return self._model is not None

    def load(self) -> Model:
        """Return the network; reads its file where it is not in memory, and then keeps it there.

        Raises
        ------
        UserError
            If it cannot be read.
        """
        model = self._model
        if model is None:
            self._model = model = self._read()
        return model

    def keep_as(self, kept: KeptRound) -> None:
        """Note where a project keeps it, or will as soon as its thread comes to it."""
        self._places.append(kept)

    def release(self) -> None:
        """Forget the weights, where they are on disk."""
        if any(kept.is_written for kept in self._places):
            self._model = None

    def _read(self) -> Model:
        # A project that was given a name may have left its recovery folder: what was kept last is tried first.
        error = UserError(f"The network “{self.description.name}” is not on disk any more.")
        for kept in reversed([kept for kept in self._places if kept.is_written]):
            try:
                return kept.load()
            except UserError as reason:
                error = reason
        raise error
