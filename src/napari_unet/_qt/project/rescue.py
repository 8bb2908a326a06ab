"""A project that can be neither written nor copied goes on in another place, from memory."""

from __future__ import annotations

from pathlib import Path

from napari_unet._qt.project import work
from napari_unet._qt.project.keeping import Keeping
from napari_unet._qt.project.sight import file_of
from napari_unet.session.keeping import Keeper


def rescue(keeping: Keeping, folder: Path) -> None:
    """Go on in a new project that gets all the session holds.

    The other images, and networks that can't be read, stay where they are.
    """
    old, session = keeping.keeper, keeping.session
    assert old is not None
    n_others = len(old.project.images) - 1
    image, channels = session.image, session.state.channels
    file, rounds = file_of(keeping.layers.images), list(session.rounds.all)
    left: list[str] = []

    def begin() -> work.Begun:
        left[:] = work.unreadable(rounds)  # and the others are in memory from now on
        return work.begin(image, channels, file, folder)

    def begun(made: work.Begun) -> None:
        if keeping.keeper is not old or not old.is_of_now:
            made.project.close(discard=True)
            return
        old.close()
        keeping.go_on_with(Keeper(session, made.project, made.entry), made)
        keeping.errands.run(
            lambda: old.project.close(timeout=0.0, discard=True), lambda _: None, keeping.tell_failure
        )
        stay = [f"{n_others} other image(s)"] if n_others else []
        stay += [f"the network(s) of {', '.join(left)}"] if left else []
        others = f" Its {' and '.join(stay)} are in {old.project.folder} still." if stay else ""
        keeping.words.say(
            "info",
            f"{old.project.folder} could not be written: all of this image is in {folder} now, and goes on "
            f"there.{others}",
        )
        keeping.tell()

    keeping.errands.run(begin, begun, keeping.tell_failure, at_end=begun)
