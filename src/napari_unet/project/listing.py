"""The images of a project as a list: which one comes next, and what each is called."""

from __future__ import annotations

from collections.abc import Sequence

from napari_unet.project.documents import ImageSummary


def next_open(images: Sequence[ImageSummary], current: str) -> ImageSummary | None:
    """Return the next image after the current one that is not done, from the first again after the last.

    ``None`` where all others are done.
    """
    place = next((i for i, image in enumerate(images) if image.id == current), -1)
    after = [*images[place + 1 :], *images[: max(place, 0)]]
    return next((image for image in after if image.progress != "done"), None)


def unique_names(images: Sequence[ImageSummary]) -> dict[str, str]:
    """Return by id what each image is called where no two may have one name.

    The first one of a name keeps it whatever comes after it, so that places that are held out in it are found again.
    """
    names: dict[str, str] = {}
    used: set[str] = set()
    for image in images:
        name, k = image.name, 1
        while name in used:
            k += 1
            name = f"{image.name} ({k})"
        used.add(name)
        names[image.id] = name
    return names
