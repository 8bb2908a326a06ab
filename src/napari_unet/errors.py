"""Errors that are meant for the person at the microscope."""


class UserError(ValueError):
    """Something that the user did or gave, told in one clear sentence that says what to do about it."""


class NoMemory(UserError, MemoryError):
    """Memory does not suffice, though all that can be made smaller was."""


class Stopped(Exception):
    """Raised by a computation that was asked to stop and has nothing worth keeping."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that the machine's or the card's memory does not suffice."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # the latter is torch's
        return True
    text = str(error).lower()
    return any(words in text for words in ("out of memory", "not enough memory", "can't allocate memory"))


def without_memory(what: str) -> str:
    """Return the sentence about something that memory did not suffice for."""
    return (
        f"{what}: there is not enough memory. What you painted is kept; close other programs, then try again, "
        "or work on a smaller part of the image."
    )
