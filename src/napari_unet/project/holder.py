"""Who works on a project."""

from __future__ import annotations

import os
import socket
import time
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


def host_name() -> str:
    """Return what this machine is called, as far as it is written down."""
    return socket.gethostname()[:255]


class Holder(BaseModel):
    """Who works on a project."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int
    host: str = Field(max_length=255)
    since: float = Field(allow_inf_nan=False)  # seconds since 1970

    @classmethod
    def this_process(cls) -> Holder:
        """Return who we are."""
        return cls(pid=os.getpid(), host=host_name(), since=time.time())

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this machine."""
        return self.host == host_name()

    def __str__(self) -> str:
        try:
            since = f" since {datetime.fromtimestamp(self.since):%Y-%m-%d %H:%M}"
        except (ValueError, OverflowError, OSError):
            since = ""
        return f"process {self.pid} on {self.host}{since}"
