"""What leaves the loop: labels, a table of objects, the network; saved in any thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import FIRST, LabelsAre
from napari_unet.errors import UserError
from napari_unet.objects.separate import SeparationSettings
from napari_unet.session.image import ImageSource, Plane
from napari_unet.session.painting import Painting
from napari_unet.session.rounds import Round, Rounds
from napari_unet.session.state import NO_IMAGE, State
from napari_unet.session.stored import StoredProbabilities
from napari_unet.session.through import Through, axes_of

if TYPE_CHECKING:
    from napari_unet.formats.exports import Format, Objects
    from napari_unet.objects.outlines import Key
    from napari_unet.objects.tables import Columns

NOT_TRAINED = "There is no trained network yet; press Train first."


@dataclass(frozen=True, eq=False)
class TakeAway:
    """What there is to take away at one moment.

    Attributes
    ----------
    found
        The segmentation, of the image's spatial shape.
    probabilities
        Of the planes segmented last, ``(K, Y, X)``: what the network says about classes of objects.
    through
        Along which axes objects of different planes are one.
    """

    image: ImageSource | None
    found: NDArray[np.int32] | None
    painting: Painting | None
    current: Round | None
    probabilities: Mapping[Plane, NDArray[np.float16]] = field(default_factory=dict)
    through: Through = Through.NOTHING

    @classmethod
    def of(cls, state: State, stored: StoredProbabilities | None = None, copied: bool = False) -> TakeAway:
        """Take what a session holds now.

        Parameters
        ----------
        copied
            Copy the pixels, so that painting may go on while another thread saves.
        """
        found, painting = state.segmentation, state.painting
        if copied:
            found = None if found is None else found.copy()
            painting = painting and replace(painting, labels=painting.labels.copy())
        kept = stored.all_probabilities() if stored is not None else {}
        return cls(state.image, found, painting, state.rounds.current, kept, state.through)

    def result(self, plane: Plane | None = None) -> NDArray[np.int32]:
        """Return the network's objects with the annotation on top: a copy of one plane, or of the whole array.

        Raises
        ------
        UserError
            When there is no image, or nothing has been segmented yet.
        """
        if self.image is None:
            raise UserError(NO_IMAGE)
        found, painting = self.found, self.painting
        if found is None:
            raise UserError("There is no segmentation yet; press Segment first.")
        if plane is not None:
            return painting.on_top(plane, found[plane]) if painting else found[plane].copy()
        whole = np.empty_like(found)
        for index in np.ndindex(*whole.shape[:-2]):
            whole[index] = painting.on_top(index, found[index]) if painting else found[index]
        return whole

    def save_labels(self, path: str | Path) -> None:
        """Write the segmentation as a label TIFF."""
        from napari_unet.formats.images import write_labels

        labels = self.result()
        assert self.image is not None
        write_labels(path, labels, self.image.pixel_size_um)

    def save_table(self, path: str | Path, whole_only: bool = False) -> None:
        """Write one line per object and plane as CSV or Parquet: sizes, shapes, intensities.

        Where planes are linked through depth it is one line per 3D object; through time, there is also when it is seen
        and who divided into it.

        Raises
        ------
        UserError
            When there is no object to measure, or the file can't be written.
        """
        from napari_unet.formats.tables import write_table

        write_table(path, self.stack_table(whole_only))

    def stack_table(self, whole_only: bool = False) -> Columns:
        """Measure every object as the planes are linked; columns are called after the axes.

        Raises
        ------
        UserError
            When there is no object to measure.
        """
        from napari_unet.session.stack_table import measure_linked, name_planes, with_mothers

        image = self.image
        if image is None or len(image.spatial_shape) == 2:
            return self.table(whole_only)
        depth, time = axes_of(self.through, image)
        if depth is None:
            table = name_planes(self.table(whole_only), image.axes)
        else:
            labels = self.result()
            table = measure_linked(
                labels, image, self.through, lambda at, numbers: self._classes(at, labels[at], numbers)
            )
            if whole_only:
                whole = ~table["cut_by_edge"] if table else slice(None)
                table = {name: values[whole] for name, values in table.items()}
        if not table or not table["label"].size:
            raise UserError("There is no object to measure; segment first.")
        return table if time is None else with_mothers(table, self.result(), time)

    def table(self, whole_only: bool = False) -> Columns:
        """Measure every object, as `measure_planes`, with its class.

        Parameters
        ----------
        whole_only
            Without objects that the edge of their plane cuts.

        Raises
        ------
        UserError
            When there is no object to measure.
        """
        from napari_unet.objects.tables import measure_planes, without_cut_objects

        found, image = self.result(), self.image
        assert image is not None
        labels = without_cut_objects(found) if whole_only else found
        table = measure_planes(
            labels,
            image.plane,
            image.pixel_size_um,
            lambda plane, numbers: self._classes(plane, labels[plane], numbers),
        )
        if not table:
            raise UserError("There is no object to measure; segment first.")
        return table

    def objects(self, whole_only: bool = False) -> Objects:
        """Return the segmentation as it is exported, with the classes of objects.

        Raises
        ------
        UserError
            When nothing has been segmented yet.
        """
        from napari_unet.formats.exports import Objects

        labels, image = self.result(), self.image
        assert image is not None
        classes: dict[Key, str] = {}
        for plane in image.planes():
            numbers = np.unique(labels[plane])
            numbers = numbers[numbers > 0]
            for names in self._classes(plane, labels[plane], numbers).values():
                classes |= {(plane, int(n)): str(name) for n, name in zip(numbers, names, strict=True)}
        named = self.painting.class_names if self.painting is not None and classes else ()
        found = Objects(labels, image.name, None, image.pixel_size_um, classes, named)
        return found.without_cut() if whole_only else found

    def save_objects(self, path: str | Path, what: Format, whole_only: bool = False) -> None:
        """Write the segmentation in the format of another program; for QuPath with measurements.

        Raises
        ------
        UserError
            When nothing has been segmented yet, or the file can't be written.
        """
        from napari_unet.formats.exports import Format, export

        objects = self.objects(whole_only)
        if what is Format.GEOJSON and objects.labels.any():
            objects = replace(objects, measurements=_by_object(self.table(whole_only)))
        export(objects, path, what)

    def _classes(
        self, plane: Plane, labels: NDArray[np.int32], numbers: NDArray[Any]
    ) -> dict[str, NDArray[Any]]:
        """Return the class of every object: what the user said, or else what the network says."""
        from napari_unet.objects.tables import likeliest_classes, most_frequent_values

        painting = self.painting
        if painting is None or painting.labels_are is LabelsAre.CLASSES or not painting.class_names:
            return {}
        probabilities = self.probabilities.get(plane)
        classes = np.ones(numbers.size, int)
        if probabilities is not None and probabilities.shape[0] > 2:
            classes = likeliest_classes(labels, numbers, probabilities)
        painted = most_frequent_values(labels, numbers, painting.labels[plane])
        for i, value in enumerate(painted):
            if value >= FIRST:
                classes[i] = painting.object_classes.get(int(value), 1)
        names = dict(enumerate(painting.class_names, start=1))
        return {"class": np.array([names.get(int(number), f"class {number}") for number in classes])}

    def save_model(self, path: str | Path) -> None:
        """Write the current round's network as a model file, or for other programs where it ends in ``.onnx``.

        Raises
        ------
        UserError
            When nothing was trained yet, the file can't be written, or the package for ONNX is missing.
        """
        from napari_unet.network.model_file import save_model as write_model

        if self.current is None:
            raise UserError(NOT_TRAINED)
        if Path(path).suffix.lower() == ".onnx":
            from napari_unet.workflow.zoo.onnx_file import write_onnx

            write_onnx(self.current.model, path)
        else:
            write_model(self.current.model, path)


def _by_object(table: Columns) -> dict[Key, dict[str, float]]:
    """Return the finite numbers of every object, by plane and number."""
    places = [name for name in table if name.startswith("plane-")]
    named = [name for name in table if table[name].dtype.kind in "biuf" and name not in {"label", *places}]
    return {
        (tuple(int(table[place][row]) for place in places), int(number)): {
            name: float(table[name][row]) for name in named if np.isfinite(table[name][row])
        }
        for row, number in enumerate(table["label"])
    }


def methods_of(rounds: Rounds, separation: SeparationSettings | None) -> str:
    """Return what a paper says about the network in use.

    Parameters
    ----------
    separation
        How objects are made, in px² of the network.

    Raises
    ------
    UserError
        When nothing was trained yet.
    """
    from napari_unet.session.methods import methods_paragraph

    done = rounds.current
    if done is None:
        raise UserError(NOT_TRAINED)
    earlier = [other.description for other in rounds.all[: rounds.all.index(done)]]
    return methods_paragraph(done.model, done.outcome, earlier, separation)
