"""What only the person who shares a network can say about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class About:
    """What only the person who shares a network can say.

    Attributes
    ----------
    name
        5 to 128 letters, digits, spaces, and ``_+-()``.
    authors
        Who made it.
    license
        By its SPDX name, such as ``CC-BY-4.0``.
    description
        What it finds, in a sentence.
    citations
        ``(text, DOI)`` of what should be cited beside the U-Net.
    """

    name: str
    authors: tuple[str, ...]
    license: str
    description: str
    citations: tuple[tuple[str, str], ...] = ()
