"""Threads of its own for all that live work asks for: newest wins, stale results are never shown.

Qt's pool has as many threads as the machine has cores: a training and a segmentation fill it on a small one, and what
follows the brush would wait for minutes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from napari_unet.errors import Stopped
from napari_unet.session.live.desk import LANES, Desk, Kind, Ticket

_log = logging.getLogger("napari_unet")

PATIENCE = 2.0
"""Seconds that training waits at most for quick work before its next step."""

Post = Callable[[Callable[[], None]], None]
"""Lets the owner's thread call something soon."""


class Work:
    """What a request's function is given: whether it is still wanted, and a way to tell what it has so far."""

    def __init__(self, scheduler: Scheduler, ticket: Ticket) -> None:
        self._scheduler, self._ticket = scheduler, ticket

    def should_stop(self) -> bool:
        """Whether the result is not wanted any more."""
        return not self._scheduler.is_wanted(self._ticket)

    def tell(self, report: Any) -> None:
        """Hand something over before the end; told on the owner's thread if it is wanted by then."""
        self._scheduler.tell(self._ticket, report)

    def let_pass(self) -> None:
        """Wait until what is quick is done: a stroke's overlay must not share the processor with a training."""
        self._scheduler.wait_for_quick(self._ticket)


class Scheduler:
    """Works on requests in one thread per lane, which begins with the first request and ends with `close`.

    Everything but the requests' functions runs on the owner's thread.

    Parameters
    ----------
    post
        Lets the owner's thread call something soon; safe in every thread.
    failed
        Told of an error of work that was still wanted, on the owner's thread.
    """

    def __init__(self, post: Post, failed: Callable[[Exception], None]) -> None:
        self._post, self._failed = post, failed
        self._desk = Desk()
        self._change = threading.Condition()
        self._threads: dict[str, threading.Thread] = {}

    def ask(
        self,
        kind: Kind,
        work: Callable[[Work], Any],
        done: Callable[[Any], None],
        told: Callable[[Any], None] | None = None,
    ) -> None:
        """Ask for something, in the place of all older requests of its kind.

        Parameters
        ----------
        work
            Called in a thread. May raise `Stopped`.
        done, told
            Get what `work` returned, and what it told before; only while nothing newer was asked for.
        """
        with self._change:
            if self._desk.ask(kind, work, done, told) is None:
                return
            lane = LANES[kind]
            if lane not in self._threads:
                thread = threading.Thread(
                    target=self._work, args=(lane,), name=f"napari-unet-{lane}", daemon=True
                )
                self._threads[lane] = thread
                thread.start()
            self._change.notify_all()

    def drop(self, *kinds: Kind) -> None:
        """Forget what was asked for; what is under way is told to stop and never shown."""
        with self._change:
            self._desk.drop(*kinds)
            self._change.notify_all()

    def is_busy(self, lane: str = "quick") -> bool:
        """Whether something of a lane waits or is worked on."""
        with self._change:
            return self._desk.is_busy(lane)

    def is_asked(self, kind: Kind) -> bool:
        """Whether a result of this kind is awaited."""
        with self._change:
            return self._desk.is_asked(kind)

    def is_wanted(self, ticket: Ticket) -> bool:
        """Whether a result may still be shown; safe in every thread."""
        with self._change:
            return self._desk.is_wanted(ticket)

    def tell(self, ticket: Ticket, report: Any) -> None:
        """Hand a report to the owner's thread."""
        self._post(lambda: self._tell_if_wanted(ticket, report))

    def wait_for_quick(self, ticket: Ticket) -> None:
        """Wait while the quick lane is busy, but not for ever, and not for nothing."""
        end = time.monotonic() + PATIENCE
        with self._change:
            while self._desk.is_busy("quick") and self._desk.is_wanted(ticket):
                left = end - time.monotonic()
                if left <= 0 or not self._change.wait(left):
                    return

    def close(self, patience: float = 30.0) -> bool:
        """Stop everything and wait for the threads; tell whether all have ended."""
        with self._change:
            self._desk.close()
            self._change.notify_all()
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(patience)
        return not any(thread.is_alive() for thread in threads)

    def _work(self, lane: str) -> None:
        while (ticket := self._next(lane)) is not None:
            result: Any = None
            error: Exception | None = None
            stopped = False
            try:
                result = ticket.work(Work(self, ticket))
            except Stopped:
                stopped = True
            except Exception as problem:  # the thread's boundary: told, never swallowed
                _log.exception("Live work failed: %s", ticket.kind)
                error = problem
            with self._change:
                self._desk.finish(ticket)
                self._change.notify_all()
            if error is not None:
                self._post(partial(self._fail, ticket, error))
            elif not stopped:
                self._post(partial(self._settle, ticket, result))
            del ticket, result, error  # what was worked on must not live as long as the thread waits

    def _next(self, lane: str) -> Ticket | None:
        with self._change:
            while not self._desk.closed:
                ticket = self._desk.take(lane)
                if ticket is not None:
                    return ticket
                self._change.wait()
        return None

    def _settle(self, ticket: Ticket, result: Any) -> None:
        if self._take(ticket):
            ticket.done(result)

    def _fail(self, ticket: Ticket, error: Exception) -> None:
        if self._take(ticket):
            self._failed(error)

    def _take(self, ticket: Ticket) -> bool:
        """Whether a result is wanted; once."""
        with self._change:
            wanted = self._desk.is_wanted(ticket)
            self._desk.settle(ticket)
        return wanted

    def _tell_if_wanted(self, ticket: Ticket, report: Any) -> None:
        if ticket.told is not None and self.is_wanted(ticket):
            ticket.told(report)
