"""Live: from the first strokes on, the overlay follows the brush. One object, on one thread, without Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_unet.session.backdrop import Backdrop
from napari_unet.session.history import Action, Which
from napari_unet.session.live.desk import LANES, Kind
from napari_unet.session.live.fields import Fields
from napari_unet.session.live.meanwhile import Effort, Meanwhile
from napari_unet.session.live.scheduler import Post, Scheduler, Work
from napari_unet.session.live.sight import Sight, what_matters, what_sees
from napari_unet.session.live.surface import Surface
from napari_unet.session.live.tasks import FitTask, Overlay, ShowTask
from napari_unet.session.live.view import Place, View, quick_place, sharp_place, surroundings
from napari_unet.session.live.words import (
    BUNDLED,
    INSTEAD,
    INSTEADS,
    NOTHING_PAINTED,
    ONE_CLASS,
    describe_shown,
)
from napari_unet.session.session import Session

if TYPE_CHECKING:
    from napari_unet.workflow.fields import Field
    from napari_unet.workflow.live_exchange import Better
    from napari_unet.workflow.preview import Preview


class Live:
    """Keeps the overlay of what is looked at up to date with the strokes.

    All methods are called on one thread; what takes time is done in the scheduler's.

    Attributes
    ----------
    is_on
        Whether it follows.
    status
        What is shown, for the user.
    meanwhile
        The training that goes on while one paints.

    Signals
    -------
    changed
        `status` says something else.
    shown
        An overlay is shown.
    """

    changed = Signal()
    shown = Signal(object)

    def __init__(
        self,
        session: Session,
        post: Post,
        failed: Callable[[Exception], None],
        may_show: Callable[[], bool] = lambda: True,
    ) -> None:
        self._session, self._post, self._failed, self._may_show = session, post, failed, may_show
        self.scheduler = Scheduler(post, failed)
        self.fields = Fields()
        self.is_on = False
        self.status = ""
        self._surface = Surface(session)
        self.meanwhile = Meanwhile(session, self._take_better, self._tell_state)
        self._sight = Sight(session, self.meanwhile)
        self._view: View | None = None
        self._preview: Preview | None = None
        self._held: Overlay | None = None
        self._to_come: list[Place] = []
        self._showing = False
        self._asked: tuple[Any, ...] = ()
        self._generation = session.state.generation
        self._fed = -1  # version of the painting that the training saw

    @property
    def entropy(self) -> NDArray[np.float32] | None:
        """Where the preview does not know, float32 ``(Y, X)`` of the plane looked at; ``None`` before the first one."""
        return None if self._view is None else self._surface.entropy_of(self._view.plane)

    @property
    def n_shown(self) -> int:
        """How many overlays were shown so far."""
        return self._surface.n_shown

    @property
    def is_preview(self) -> bool:
        """Whether what was shown last comes from here, and not from *Segment* or *Propose*."""
        return self._surface.is_preview

    # ---- the switch ----------------------------------------------------------------------------------------

    def switch_on(self) -> None:
        """Begin to follow."""
        if self.is_on:
            return
        self.is_on, self._fed = True, -1
        self._generation = self._session.state.generation
        self.scheduler = Scheduler(self._post, self._failed)
        canvas = self._session.canvas
        canvas.edited.connect(self._note_edit)
        canvas.array_replaced.connect(self._note_edit)
        canvas.applied.connect(self._note_action)
        self._session.state_changed.connect(self._look_again)
        self._session.rounds_changed.connect(self._begin_from_round)
        self.refresh()

    def switch_off(self, patience: float = 0.0) -> bool:
        """Stop everything; what is shown stays. Tell whether all threads have ended within so many seconds."""
        if self.is_on:
            self.is_on = False
            canvas = self._session.canvas
            canvas.edited.disconnect(self._note_edit)
            canvas.array_replaced.disconnect(self._note_edit)
            canvas.applied.disconnect(self._note_action)
            self._session.state_changed.disconnect(self._look_again)
            self._session.rounds_changed.disconnect(self._begin_from_round)
            self.keep()
            self.meanwhile.keep_round()
            self.meanwhile.stop(self.scheduler)
            self._held, self._preview, self._to_come = None, None, []
            self.fields.clear()
            self._say("")
        return self.scheduler.close(patience)

    def set_effort(self, effort: Effort) -> None:
        """Choose whether and how hard a network is trained meanwhile; what was trained so far becomes a round."""
        if effort is not self.meanwhile.effort:
            self.meanwhile.effort = effort
            if self.is_on:
                self.meanwhile.keep_round()
                self._begin_from_round()

    def hold_training(self, held: bool) -> None:
        """Let another training have the processor, or go on after it."""
        if held != self.meanwhile.held:
            if held:
                self.meanwhile.keep_round()
            self.meanwhile.held = held
            self._begin_from_round()

    def look(self, view: View) -> None:
        """Follow what the canvas shows."""
        if view != self._view:
            self._view = view
            self.refresh()

    # ---- strokes -------------------------------------------------------------------------------------------

    def refresh(self, *_: object) -> None:
        """Begin anew with what is painted and looked at now."""
        if not self.is_on or self._showing or self._view is None:
            return
        self._held, self._to_come, self._asked = None, [], what_matters(self._session)
        session = self._session
        if session.image is None or session.painting is None:
            self._say(NOTHING_PAINTED)
            return
        if not self._sight.holds(self._view):  # of another image: the owner will tell what is looked at now
            return
        if self.scheduler.is_asked(Kind.MEASURE):  # it can wait, a stroke can't
            self._sight.forget_size()
        eye = self._sight.eye()
        if self.fields.seen_by(what_sees(eye)):
            self._preview = None  # a fit on other features is no place to begin at
        place = quick_place(self._view, session.image.plane_shape)
        seen = self.fields.find(place)
        if seen is None:
            if not self.status:
                self._say(NOTHING_PAINTED)
            self.scheduler.drop(Kind.FIT, Kind.SHOW, Kind.SHARPEN, Kind.MEASURE)
            self.scheduler.ask(Kind.SEE, lambda work: eye.see(place, work.should_stop), self._take_field)
            return
        self._ask_fit()

    def _take_field(self, seen: Field) -> None:
        self.fields.add(seen)
        self._ask_fit()

    def _ask_fit(self) -> None:
        painting = self._session.painting
        assert painting is not None
        trained = self._sight.weights() is not None
        task = FitTask.of(self.fields.all(), painting, trained, self._preview)
        if not task.parts:
            self._say(NOTHING_PAINTED)
            return
        self.scheduler.drop(Kind.SHOW, Kind.SHARPEN, Kind.MEASURE)
        self.scheduler.ask(Kind.FIT, lambda work: task.run(), self._take_preview)

    def _take_preview(self, preview: Preview | None) -> None:
        assert self._view is not None
        assert self._session.image is not None
        self._preview = preview
        if preview is None:
            self._say(ONE_CLASS)
            return
        place = quick_place(self._view, self._session.image.plane_shape)
        self._ask_show(Kind.SHOW, place, self._show_first)

    def _ask_show(self, kind: Kind, place: Place, done: Callable[[Overlay], None]) -> None:
        session = self._session
        if self._preview is None or session.image is None:
            return
        task = ShowTask(
            self._sight.eye(),
            place,
            self.fields.find(place),
            self._preview,
            Backdrop.of(session.state, place.plane),
            session.image.plane_shape,
            session.separating.settings if session.separating.for_network is not None else None,
            self._sight.measured(),
        )
        self.scheduler.ask(kind, lambda work: task.run(work.should_stop), done)

    # ---- what is shown -------------------------------------------------------------------------------------

    def _show_first(self, overlay: Overlay) -> None:
        """Show what follows a stroke, then have it sharpened, and the rest of the plane done."""
        if not self._show(overlay) or self._view is None or self._session.image is None:
            return
        self._feed()
        shape = self._session.image.plane_shape
        sharp = sharp_place(self._view, shape)
        quick = quick_place(self._view, shape)
        self._to_come = [*([sharp] if sharp else []), *surroundings(quick, shape)]
        if not self._measure():
            self._go_on()

    def _feed(self) -> None:
        """Let the training see what was painted, once its overlay is there: to begin a training takes seconds."""
        version = self._session.state.need_painting().version
        if version != self._fed and self._preview is not None:
            self._fed, eye = version, self._sight.eye()
            self.meanwhile.feed(self.scheduler, eye.given or eye.known, self._preview.agreement)

    def _go_on(self) -> None:
        """Do the next of what is left, while nothing more urgent comes."""
        if self._to_come:
            self._ask_show(Kind.SHARPEN, self._to_come.pop(0), self._show_next)

    def _show_next(self, overlay: Overlay) -> None:
        if self._show(overlay):
            self._go_on()

    def _show(self, overlay: Overlay) -> bool:
        """Show an overlay unless something was painted since; not under a brush that is down."""
        if not self._may_show():
            self._held = overlay
            return False
        if not overlay.backdrop.holds(self._session.state):
            self.refresh()
            return False
        first = self._session.separating.for_network is None
        self._showing = True
        try:
            self._surface.show(overlay)
        finally:
            self._showing = False
        if first:  # the network's settings came with it: no reason to begin anew
            self._asked = what_matters(self._session)
        self._say(self._what_is_shown())
        self.shown.emit(overlay)
        return True

    def show_held(self) -> None:
        """Show what had to wait for the end of a drag; the owner calls this when one may have ended."""
        if self._held is not None and self._may_show():
            held, self._held = self._held, None
            self._show_first(held)

    def keep(self) -> None:
        """Let the project keep the overlay as it is now; for a moment of rest, not for every stroke."""
        self._surface.keep()

    # ---- inside --------------------------------------------------------------------------------------------

    def _take_better(self, better: Better) -> None:
        """Show better weights: all that was seen with the old ones is forgotten."""
        self.refresh()

    def _tell_state(self) -> None:
        if self.is_preview:
            self._say(self._what_is_shown())

    def _begin_from_round(self) -> None:
        """Go on from the round that is the current one now."""
        self.meanwhile.stop(self.scheduler)
        self._fed = -1
        self.refresh()

    def _measure(self) -> bool:
        """Have the network look how large objects are, where that is not known."""
        eye = self._sight.eye()
        if self._view is None or not self._sight.wants_size(eye):
            return False
        place = quick_place(self._view, eye.image.plane_shape)

        def measure(work: Work) -> float | None:
            return eye.measure(place, work.should_stop)

        self.scheduler.ask(Kind.MEASURE, measure, self._take_size)
        return True

    def _take_size(self, size: float | None) -> None:
        if size is not None:
            self._session.sizes.take_found(size)
            self.refresh()
        else:
            self._go_on()

    def _what_is_shown(self) -> str:
        current = self._session.current
        corrected = BUNDLED if self._preview is not None and self._preview.anchored else None
        if self._sight.weights() and current:
            corrected = current.name
        return describe_shown(self.meanwhile.best, corrected, self.meanwhile.state)

    def _look_again(self) -> None:
        """Begin anew where something that matters was changed."""
        generation = self._session.state.generation
        if generation != self._generation:  # another image: what was learned on the last one stays as a round
            self._generation = generation
            self._surface.forget()
            self.meanwhile.keep_round()
            self.meanwhile.stop(self.scheduler)
        if what_matters(self._session) != self._asked:
            self.refresh()

    def _note_action(self, action: Action, how: str) -> None:
        if action.name in INSTEADS and how == "do":
            self.scheduler.drop(*LANES)
            self._to_come = []
            # what it found out about sizes is no reason to begin anew
            self._asked = what_matters(self._session)
            self._say(INSTEAD.format(what=action.name))

    def _note_edit(self, which: Which, change: Any = None) -> None:
        if which is Which.ANNOTATION:
            self.refresh()

    def _say(self, status: str) -> None:
        if status != self.status:
            self.status = status
            self.changed.emit()
