"""How a computation talks to whoever started it, without knowing who that is."""

from collections.abc import Callable

OnProgress = Callable[[float, str], None]
"""Called with the finished fraction (0–1) and a few words for the user."""

ShouldStop = Callable[[], bool]
"""Asked often; ``True`` means: stop soon, and keep what is worth keeping."""


def no_progress(fraction: float, message: str) -> None:
    """Take a report and do nothing with it."""


def never_stop() -> bool:
    """Never ask a computation to stop."""
    return False
