"""Which planes of an image are meant, and in which order they come: the one that is looked at first."""

from __future__ import annotations

from enum import StrEnum

from napari_unet.session.image import ImageSource, Plane


class Scope(StrEnum):
    """How much of an image."""

    PLANE = "plane"
    STACK = "stack"
    ALL = "all"


def scopes_of(image: ImageSource) -> list[Scope]:
    """Return the scopes that differ: a stack of a single time point is all there is."""
    leading = dict(zip(image.axes, image.spatial_shape[:-2], strict=False))
    if all(n == 1 for n in leading.values()):
        return [Scope.PLANE]
    if leading.get("Z", 1) > 1 and any(n > 1 for axis, n in leading.items() if axis != "Z"):
        return [Scope.PLANE, Scope.STACK, Scope.ALL]
    return [Scope.PLANE, Scope.ALL]


def planes_of(image: ImageSource, scope: Scope, seen: Plane) -> list[Plane]:
    """Return the planes, from the one that is seen outwards: first those beside it in its own stack.

    Parameters
    ----------
    seen
        The plane that is looked at.
    """
    if scope is Scope.PLANE:
        return [seen]
    planes = image.planes()
    if scope is Scope.STACK and "Z" in image.axes:
        depth = image.axes.index("Z")
        others = [k for k in range(len(seen)) if k != depth]
        planes = [plane for plane in planes if all(plane[k] == seen[k] for k in others)]

    def far(plane: Plane) -> tuple[int, ...]:
        return tuple(abs(a - b) for a, b in zip(plane, seen, strict=True))

    return sorted(planes, key=far)
