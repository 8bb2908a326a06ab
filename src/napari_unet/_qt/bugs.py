"""Errors that reached napari instead of us: it shows them, and the log keeps them."""

from __future__ import annotations

import logging
from typing import Any

from napari.utils.notifications import ErrorNotification, notification_manager

_log = logging.getLogger("napari_unet")


def log_naparis_errors() -> None:
    """Have the log keep the errors that napari shows, from now on."""
    # napari connects a function once, however often it is asked to.
    notification_manager.notification_ready.connect(_keep)


def _keep(notification: Any) -> None:
    if isinstance(notification, ErrorNotification):
        _log.info("napari shows an error: %s", notification, exc_info=notification.exception)
