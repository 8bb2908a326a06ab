"""What the dock says about saving, in a few words."""

from __future__ import annotations

import time

from napari_unet.project import Saved
from napari_unet.project.recovery import Recovery


def saved_words(saved: Saved) -> str:
    """Say how things are: nothing says "saved" before it is on disk."""
    if saved.error:
        return saved.error
    return "saving …" if saved.pending else f"saved {ago(saved.seconds)}"


def ago(seconds: float) -> str:
    """Say how long ago something was."""
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            n = int(seconds // size)
            return f"{n} {unit}{'s' if n > 1 else ''} ago"
    return f"{int(seconds)} s ago"


def size_words(n_bytes: int) -> str:
    """Say how large something is."""
    if n_bytes >= 1e9:
        return f"{n_bytes / 1e9:.1f} GB"
    return f"{max(n_bytes / 1e6, 0.1):.{0 if n_bytes >= 1e7 else 1}f} MB"


def offer_words(recovery: Recovery, image_id: str, n_older: int) -> str:
    """Ask whether to go on with what was kept of an image."""
    counts = recovery.notes.get("objects")
    n = counts.get(image_id) if isinstance(counts, dict) else None
    facts = [count(n, "object")] if isinstance(n, int) else []
    facts += [count(recovery.n_rounds, "round")] if recovery.n_rounds else []
    older = f" There is older work, too: {count(n_older, 'project')}." if n_older else ""
    said = f" {', '.join(facts)}." if facts else ""
    return f"Continue where you left off {ago(max(time.time() - recovery.changed, 0.0))}?{said}{older}"


def count(n: int, what: str) -> str:
    """Say how many there are."""
    return f"{n} {what}{'s' if n != 1 else ''}"


def name_words(name: str | None, n_bytes: int) -> str:
    """Say which project it is, and how large; ``None`` where the user has not named it."""
    size = size_words(n_bytes) if n_bytes else ""
    if name is not None:
        return f"Project “{name}”{f' ({size})' if size else ''}"
    return f"Not named yet: kept in the recovery folder{f', {size}' if size else ''}."
