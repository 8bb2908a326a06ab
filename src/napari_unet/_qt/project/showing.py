"""The layers of a project's image: shown when it is opened, taken away when another one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari.layers import Image

from napari_unet._qt.layers.binding import Binding
from napari_unet._qt.layers.sources import image_layers, spatial_shape
from napari_unet._qt.project.appearance import show_appearance
from napari_unet._qt.project.sight import CHANNEL, FILE, said_file, show_colours, show_sight
from napari_unet.annotation.coding import LabelsAre
from napari_unet.errors import UserError
from napari_unet.project import ImageDescription
from napari_unet.session import Session, Which
from napari_unet.session.pictures import FILE_CHANNELS, Picture
from napari_unet.session.restoring import Kept
from napari_unet.session.switching import Luggage, unpack


def show_picture(viewer: Any, picture: Picture) -> list[Image]:
    """Add a picture to the viewer; return its layers, one per channel.

    Raises
    ------
    UserError
        If nothing came of it.
    """
    from napari_unet._qt.window import add_image

    before = list(viewer.layers)
    if picture.content is not None:
        add_image(viewer, picture.content)
    else:
        viewer.open([str(picture.file)])
    made = [layer for layer in image_layers(viewer) if layer not in before]
    if not made:
        raise UserError(f"{picture.file} could not be shown; open it by hand, then the project.")
    if picture.file is not None:
        for layer in made:
            layer.metadata[FILE] = str(picture.file)
    return made


def choose_among(made: Sequence[Image], notes: dict[str, Any], otherwise: Sequence[int] = ()) -> list[Image]:
    """Return the layers that were worked on; those of the channels `otherwise` where that was not noted."""
    names, channels = notes.get("layers"), notes.get(FILE_CHANNELS)
    for wanted in (channels if isinstance(channels, list) else (), None, otherwise):
        if wanted is None:
            chosen = [layer for layer in made if isinstance(names, list) and layer.name in names]
        else:
            chosen = [layer for layer in made if layer.metadata.get(CHANNEL, 0) in wanted]
        if chosen:
            return chosen
    return list(made[:1])


def show_beside(
    layers: Binding, picture: Picture, described: ImageDescription, notes: dict[str, Any]
) -> list[Image]:
    """Show another image of the project besides the present one; return the layers to work on.

    Raises
    ------
    UserError
        If it can't be shown, or has another size than the image that was annotated; nothing has changed then.
    """
    channels = [int(layer.metadata.get(CHANNEL, 0)) for layer in layers.images]
    made = show_picture(layers.viewer(), picture)
    chosen = choose_among(made, notes, channels)
    now, then = spatial_shape(chosen[0]), described.spatial_shape
    if now != then:
        for layer in made:
            layers.viewer().layers.remove(layer)
        is_size, was_size = (" × ".join(map(str, shape)) for shape in (now, then))
        raise UserError(f"“{described.name}” is {is_size} px now and was {was_size} px in the project.")
    return chosen


def exchange(
    layers: Binding, session: Session, chosen: Sequence[Image], kept: Kept, file: str | None
) -> None:
    """Work on another image of the project instead of the present one, and show it as it was kept.

    Parameters
    ----------
    chosen
        The other image's layers.
    file
        The present image's, as the project knows it: all layers that show it go.
    """
    luggage, annotation = Luggage.of(session), layers.layer(Which.ANNOTATION)
    brush = None if annotation is None else annotation.brush_size
    leave(layers, file)
    layers.choose_images(chosen, anew=True)
    unpack(luggage, kept, session)
    if "place" not in kept.notes:
        layers.viewer().reset_view()
    show_kept(layers, session, kept.notes, None)
    annotation = layers.layer(Which.ANNOTATION)
    if annotation is not None and brush is not None:
        annotation.brush_size = brush


def leave(layers: Binding, file: str | None) -> None:
    """Remove the image and all that lies on it from the viewer, also other layers that show its file."""
    viewer, gone = layers.viewer(), list(layers.images)
    files = {file, *map(said_file, gone)} - {None}
    gone += [layer for layer in image_layers(viewer) if layer not in gone and said_file(layer) in files]
    for mirror in layers.mirrors.values():
        mirror.detach()
        gone.append(mirror.layer)
    layers.mirrors.clear()
    if layers.regions.layer is not None:
        gone.append(layers.regions.layer)
        layers.regions.forget(tell=False)
    for kind in layers.results.shown():
        layers.results.hide(kind)
    layers.images = []
    for layer in gone:
        if layer in viewer.layers:
            viewer.layers.remove(layer)


def show_kept(layers: Binding, session: Session, notes: dict[str, Any], colours: Any) -> None:
    """Show what was restored as it was seen: colours, regions, brush, place."""
    show_colours(layers, colours)
    layers.regions.restore(layers.viewer(), layers.images[0], session.regions)
    objects = session.labels_are is LabelsAre.OBJECTS
    layers.paint_with(session.next_object_value() if objects else 2, new_object=objects)
    show_appearance(layers, notes.get("looks"))
    show_sight(layers, notes.get("place"))
