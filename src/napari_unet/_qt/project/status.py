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
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{max(n_bytes / 1e6, 0.1):.3g} MB"


def offer_words(recovery: Recovery, image_id: str, n_older: int) -> str:
    """Ask whether to go on with what was kept of an image."""
    counts = recovery.notes.get("objects")
    n = counts.get(image_id) if isinstance(counts, dict) else None
    facts = [f"{n} object{'s' if n != 1 else ''}"] if isinstance(n, int) else []
    facts += [f"{recovery.n_rounds} round{'s' if recovery.n_rounds != 1 else ''}"]
    older = f" ({n_older} older)" if n_older else ""
    when = ago(max(time.time() - recovery.changed, 0.0))
    return f"Continue where you left off {when}? {', '.join(facts)}{older}."
