"""Record how long the plugin's own code holds the window's thread."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """One call from Qt, napari or psygnal into the plugin, on the window's thread.

    Attributes
    ----------
    wall, cpu
        Seconds by the clock, and of processor time of this thread.
    napari_wall, napari_cpu
        Those of them in which the plugin let napari change or redraw a layer.
    """

    wall: float
    cpu: float
    napari_wall: float
    napari_cpu: float


class Handlers:
    """Wraps every method of the plugin's window; only the outermost call of each visit is recorded."""

    def __init__(self) -> None:
        self.calls: dict[str, list[Call]] = defaultdict(list)
        self.recording = False
        self._thread = threading.get_ident()
        self._inside = False
        self._in_napari = False
        self._napari_wall = self._napari_cpu = 0.0

    def wrap_everything(self) -> None:
        """Wrap the methods of all classes of the plugin's window, before any of them is made."""
        import napari_unet._qt as window

        for found in pkgutil.walk_packages(window.__path__, window.__name__ + "."):
            module = importlib.import_module(found.name)
            for kind in list(vars(module).values()):
                if inspect.isclass(kind) and kind.__module__ == module.__name__:
                    self._wrap_class(kind)
        self._watch_napari()

    def _wrap_class(self, kind: type) -> None:
        for name, function in list(vars(kind).items()):
            if inspect.isfunction(function) and name != "__init__":
                wrap = self._steps if inspect.isgeneratorfunction(function) else self._call
                setattr(kind, name, wrap(function.__qualname__, function))

    def _call(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        most = _most_positional(function)

        @functools.wraps(function)
        def timed(*args: Any, **named: Any) -> Any:
            # Qt offers a slot all arguments of its signal and finds out how many it takes: not through a wrapper.
            return self._time(name, lambda: function(*args[:most], **named))

        return timed

    def _steps(self, name: str, function: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        @functools.wraps(function)
        def stepped(*args: Any, **named: Any) -> Iterator[Any]:
            steps, end = function(*args, **named), object()
            while (step := self._time(name, lambda: next(steps, end))) is not end:
                yield step

        return stepped

    def _time(self, name: str, run: Callable[[], Any]) -> Any:
        if self._inside or not self.recording or threading.get_ident() != self._thread:
            return run()
        self._inside = True
        self._napari_wall = self._napari_cpu = 0.0
        start, start_cpu = time.perf_counter(), time.thread_time()
        try:
            return run()
        finally:
            wall, cpu = time.perf_counter() - start, time.thread_time() - start_cpu
            self._inside = False
            self.calls[name].append(Call(wall, cpu, self._napari_wall, self._napari_cpu))

    def _watch_napari(self) -> None:
        from napari.components import LayerList
        from napari.layers import Image, Labels, Layer

        owners = ((Layer, "refresh"), (Labels, "data_setitem"), (LayerList, "insert"))
        for owner, name in owners:
            setattr(owner, name, self._napari(getattr(owner, name)))
        for owner in (Image, Labels):
            data = owner.data
            owner.data = property(data.fget, self._napari(data.fset))

    def _napari(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*args: Any, **named: Any) -> Any:
            if not self._inside or self._in_napari or threading.get_ident() != self._thread:
                return function(*args, **named)
            self._in_napari = True
            start, start_cpu = time.perf_counter(), time.thread_time()
            try:
                return function(*args, **named)
            finally:
                self._in_napari = False
                self._napari_wall += time.perf_counter() - start
                self._napari_cpu += time.thread_time() - start_cpu

        return timed


def _most_positional(function: Callable[..., Any]) -> int | None:
    """Return how many positional arguments a function takes, ``None`` for any number."""
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return None
    return sum(
        kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds
    )
