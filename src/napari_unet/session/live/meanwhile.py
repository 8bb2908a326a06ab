"""The training that goes on while one paints, and what becomes of it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from napari_unet.session.live.desk import Kind
from napari_unet.session.live.scheduler import Scheduler, Work
from napari_unet.session.round_network import RoundNetwork
from napari_unet.session.rounds import Round
from napari_unet.session.session import Session

if TYPE_CHECKING:
    from napari_unet.workflow.live_exchange import Better, Inbox, State


class Effort(StrEnum):
    """What goes on while one paints."""

    PREVIEW = "preview"
    QUIET = "quiet"
    TRAIN = "train"


def network_of_planes(current: Round | None) -> RoundNetwork | None:
    """Return a round's network, ``None`` for the bundled one where there is none that reads planes."""
    if current is None or current.description.network.dimensions != 2:
        return None
    return current.network


class Meanwhile:
    """Feeds a training with what is painted, and keeps what comes out of it.

    Attributes
    ----------
    effort
        How hard it trains, if at all.
    held
        Another training runs: it has to wait.
    called
        Returns what the image is called in trainings; by default its own name.
    best, weights
        What is shown, ``None`` before the first weights that are better than the preview.
    state
        How far the training is.
    """

    def __init__(
        self, session: Session, on_better: Callable[[Better], None], on_state: Callable[[], None]
    ) -> None:
        self._session, self._on_better, self._on_state = session, on_better, on_state
        self.effort = Effort.TRAIN
        self.held = False
        self.called: Callable[[], str] = lambda: ""
        self.best: Better | None = None
        self.weights: RoundNetwork | None = None
        self.state: State | None = None
        self._inbox: Inbox | None = None
        self._started = ""

    def feed(self, scheduler: Scheduler, size: float | None, shown_agreement: float) -> None:
        """Let the training see what is painted now; begin it where none runs."""
        session, painting = self._session, self._session.painting
        if self.held or self.effort is Effort.PREVIEW or painting is None or session.image is None:
            return
        from napari_unet.workflow.live_exchange import Annotation, Inbox

        # It is read in another thread while painting goes on: a stroke that is half in it comes again, whole.
        mine = replace(painting, object_classes=dict(painting.object_classes))
        image, channels, called = session.image, session.state.channels, self.called()
        annotation = Annotation(
            lambda: mine.snapshot(image, channels, called), painting.class_names, size, shown_agreement
        )
        if self._inbox is None:
            self._inbox = Inbox()
            self._started = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
            self._begin(scheduler, self._inbox)
        self._inbox.put(annotation)

    def stop(self, scheduler: Scheduler) -> None:
        """End the training and forget what came out of it."""
        scheduler.drop(Kind.TRAIN)
        self._inbox = self.best = self.weights = self.state = None

    def keep_round(self) -> Round | None:
        """Let the best weights be a round, the current one; ``None`` where there are none."""
        if self.best is None:
            return None
        session, trained = self._session, self.best.trained
        number = session.rounds.next_number
        name = f"Round {number}"
        description = trained.model.description.model_copy(update={"name": name})
        model = replace(trained.model, description=description)
        outcome = replace(trained.outcome, state={})  # the numbers are the network's
        network = RoundNetwork(description, model)
        done = Round(number, name, network, outcome, self._started, tuple(trained.sentences))
        self.best = self.weights = None
        session.rounds.add(done)
        session.use_round(done)
        return done

    def _begin(self, scheduler: Scheduler, inbox: Inbox) -> None:
        session, state = self._session, self._session.state
        image, weights = state.need_image(), network_of_planes(session.current)
        choices, labels_are, quiet = state.training_choices, session.labels_are, self.effort is Effort.QUIET
        rgb = image.rgb and len(state.channels) == 3
        channels = tuple(f"channel {channel + 1}" for channel in state.channels)

        def work(handle: Work) -> None:
            import torch

            from napari_unet.workflow.live_training import LiveTraining  # loading it would hold up the window

            settings = choices.training_settings()
            threads = 1 if quiet else settings.threads or max(torch.get_num_threads() - 1, 1)
            settings = settings.model_copy(update={"threads": threads, "preset": "laptop", "dimensions": 2})
            start = None if weights is None else weights.load
            task = LiveTraining(inbox, start, settings, labels_are, rgb, channels, "live", quiet)
            task.run(handle.tell, handle.tell, handle.should_stop, handle.let_pass)

        scheduler.ask(Kind.TRAIN, work, lambda result: None, self._hear)

    def _hear(self, news: Any) -> None:
        if hasattr(news, "trained"):
            self.best, model = news, news.trained.model
            self.weights = RoundNetwork(model.description, model)
            self._on_better(news)
        else:
            self.state = news
            self._on_state()
