"""Errors that are meant for the person at the microscope."""


class UserError(ValueError):
    """Something that the user did or gave, told in one clear sentence that says what to do about it."""


class Stopped(Exception):
    """Raised by a computation that was asked to stop and has nothing worth keeping."""
