"""What lies in the inbox of the plane that is shown, which entry is looked at, and the keys that answer it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet._qt.inbox.drawing import Drawing
from napari_unet._qt.inbox.mirror import Mirror
from napari_unet._qt.job import Job, start_job
from napari_unet._qt.layers.places import show_box
from napari_unet._qt.loop import Loop
from napari_unet.errors import UserError
from napari_unet.session import Which
from napari_unet.session.inbox import name_of

KEYS = {"go": "G", "accept": "A", "fix": "R", "skip": "K"}
"""Of napari's Labels layer, its viewer and our tools none uses them."""
_QUIET_MS = 150


class Desk(QObject):
    """Looks through the plane in a thread after every segmentation; answers are one undo step each.

    Attributes
    ----------
    found
        What is in the inbox, ``None`` as long as nothing was looked through.
    open
        Its entries that nobody has answered, in order.
    current
        Which of these is looked at, ``None`` for none.

    Signals
    -------
    changed()
        There are other entries, or another one is looked at.
    """

    changed = Signal()

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self.found: Any = None
        self.open: list[Any] = []
        self.current: Any = None
        self._job: Job | None = None
        self._generation = 0  # of the image that is looked through
        self._again = False
        self._drawing = Drawing(loop.layers.viewer)
        self._mirror = Mirror(loop, self)
        self._mirror.seen.connect(self.look)
        self._bound: dict[Which, Labels] = {}
        self._plane: tuple[int, ...] | None = None
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self.look)
        loop.segmented.connect(self.look)
        loop.edited.connect(self._prune)
        loop.album.leaving.connect(self._leave)
        loop.ended.connect(self._leave)
        loop.layers.changed.connect(self._follow)
        self._follow()

    # What there is

    def look(self) -> None:
        """Look through the plane that is shown, in a thread."""
        session, plane = self._loop.session, self._loop.layers.current_plane()
        if plane is None or session.image is None:
            return
        if self._job is not None:
            self._again = True
            return
        task = session.inbox.prepare(plane)
        self._generation = session.state.generation
        if task is None:
            self._take(None)
            return
        self._job = start_job(
            "looking for what is worth a look",
            lambda _, should_stop: task.run(should_stop),
            completed=self._take,
            failed=self._failed,
            finished=self._ended,
            asks=False,
        )

    @property
    def looking(self) -> bool:
        """Whether it is being looked through."""
        return self._job is not None

    def _take(self, found: Any) -> None:
        looked_away = found is not None and found.plane != self._loop.layers.current_plane()
        if looked_away or self._generation != self._loop.session.state.generation:
            return  # that plane, or image, is looked through next
        # The same plane comes again when its mirror image was seen: what one looks at stays.
        looked_at = name_of(self.current) if found is not None and self.current is not None else None
        self.found, self.current = found, None
        doubts = () if found is None else found.doubts
        self._show(next((doubt for doubt in doubts if name_of(doubt) == looked_at), None))
        self._prune()
        self._mirror.see_to_it()

    def _prune(self) -> None:
        """Leave out what was answered or corrected; what was taken back comes again."""
        found, inbox = self.found, self._loop.session.inbox
        if found is None or found.plane != self._loop.layers.current_plane():
            self.open = []
        else:
            self.open = [doubt for doubt in found.doubts if inbox.is_open(found.plane, doubt)]
        if self.current is not None and self.current not in self.open:
            self._show(None)
        self.changed.emit()

    # What is done

    def go(self, doubt: Any = None) -> None:
        """Show an entry in the middle of the canvas with what is proposed: the one given, or the next."""
        if doubt is None:
            doubt = self._next()
        if doubt is None:
            self._loop.say("info", "Nothing more on this plane is worth a look.")
            return
        self._show(doubt)
        layers = self._loop.layers
        if layers.images:
            show_box(layers.viewer(), layers.images[0], (*self.found.plane, *doubt.where), doubt.box)
            self._take_keys(layers.viewer())
        self._loop.say("info", about(doubt))
        self.changed.emit()

    def _take_keys(self, viewer: Any) -> None:
        """Let the keys be ours: they are those of the layer that is active."""
        layer = self._bound.get(Which.SEGMENTATION)
        if layer is not None and viewer.layers.selection.active not in self._bound.values():
            viewer.layers.selection.active = layer

    def accept(self) -> None:
        """Say that the entry is right as it is."""
        self._answer("Accepting", lambda plane, doubt: self._loop.session.inbox.accept(plane, doubt))

    def take_fix(self) -> None:
        """Do what is proposed."""
        self._answer("Fixing", lambda plane, doubt: self._loop.session.inbox.take_fix(plane, doubt))

    def skip(self) -> None:
        """Leave the entry aside until the next segmentation."""

        def leave(plane: Any, doubt: Any) -> str:
            self._loop.session.inbox.skip(plane, doubt)
            return ""

        self._answer("Skipping", leave)

    def paint_where_it_teaches(self) -> None:
        """Show the part where new annotation would teach most."""
        part = self.found.part if self.found is not None else None
        layers = self._loop.layers
        if part is None or not layers.images:
            return
        self._show(None)
        show_box(layers.viewer(), layers.images[0], (*self.found.plane, *part.where), part.box)
        corners = [(side[0], side[1]) for side in _corners(part.box)]
        self._drawing.show(layers.images[0], [corners], [])
        self._loop.say(
            "info", "The network is least sure in here, and nothing is annotated: paint or correct here."
        )
        self.changed.emit()

    def show_next_plane(self) -> None:
        """Show the plane where annotation would teach more than here."""
        plane = self.found.next_plane if self.found is not None else None
        if plane is not None:
            height, width = self._loop.session.image.plane_shape
            self._loop.layers.go_to((*plane, height // 2, width // 2))

    def _answer(self, what: str, answer: Callable[[Any, Any], str]) -> None:
        doubt = self.current
        if doubt is None:
            self.go()
            return
        following = self._next()
        with self._loop.telling(what):
            self._loop.layers.settle()
            try:
                said = answer(self.found.plane, doubt)
            except UserError as error:
                self._loop.words.warn(str(error))
                return
            if said:
                self._loop.say("info", f"{said} Undo takes it back.")
                self._loop.edited.emit()
            else:
                self._prune()
        if following is not None and following in self.open:
            self.go(following)

    def _next(self) -> Any:
        """Return the entry after the one that is looked at, the first one after the last."""
        if not self.open:
            return None
        if self.current not in self.open:
            return self.open[0]
        return self.open[(self.open.index(self.current) + 1) % len(self.open)]

    def _show(self, doubt: Any) -> None:
        self.current = doubt
        images = self._loop.layers.images
        if doubt is None or not images:
            self._drawing.remove()
        else:
            self._drawing.show(images[0], doubt.outline, doubt.fix.lines if doubt.fix is not None else ())

    # Layers and jobs

    def _follow(self) -> None:
        for which in Which:
            layer = self._loop.layers.layer(which)
            if layer is not self._bound.get(which):
                self._bound.pop(which, None)
                if layer is not None:
                    self._bind(layer)
                    self._bound[which] = layer
        plane = self._loop.layers.current_plane()
        if plane != self._plane:
            self._plane = plane
            self._show(None)
            self._prune()
            if plane is not None and plane in self._loop.session.separating.stored:
                self._quiet.start()

    def _bind(self, layer: Labels) -> None:
        me = weakref.ref(self)
        for name, key in KEYS.items():
            layer.bind_key(key, lambda _, name=name: _press(me, name), overwrite=True)

    def press(self, name: str) -> None:
        """Do what a key stands for."""
        {"go": self.go, "accept": self.accept, "fix": self.take_fix, "skip": self.skip}[name]()

    def _leave(self) -> None:
        self._quiet.stop()
        self.found, self.open, self.current = None, [], None
        self._drawing.remove()
        self.changed.emit()

    def _failed(self, error: Exception) -> None:
        self._take(None)  # the log has the traceback; a list of hints is no reason to interrupt anybody

    def _ended(self) -> None:
        self._job = None
        if self._again:
            self._again = False
            self._quiet.start()
        self.changed.emit()


def _press(me: weakref.ref[Desk], name: str) -> None:
    desk = me()
    if desk is not None:
        desk.press(name)


def _corners(box: Any) -> list[tuple[int, int]]:
    y, x = box
    return [(y.start, x.start), (y.start, x.stop), (y.stop, x.stop), (y.stop, x.start), (y.start, x.start)]


def about(doubt: Any) -> str:
    """Return why something is worth a look, and what is proposed."""
    if doubt.fix is None:
        return f"{doubt.sentence} Nothing is proposed: correct it with a tool, or accept it."
    return f"{doubt.sentence} Proposed, in pink: {doubt.fix.words[0].lower()}{doubt.fix.words[1:]}"
