"""What only the person who shares a network can say about it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from napari_unet.errors import UserError


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
    notes
        What its makers want to say of it, Markdown.
    """

    name: str
    authors: tuple[str, ...]
    license: str
    description: str
    citations: tuple[tuple[str, str], ...] = ()
    notes: str = ""


def cited(dois: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return DOIs, also given as addresses, as `About.citations`.

    Raises
    ------
    UserError
        If one is none.
    """
    found = []
    for doi in dois:
        short = re.sub(r"^(https?://)?(dx\.)?(doi\.org/|doi:)", "", doi.strip(), flags=re.IGNORECASE)
        if not re.fullmatch(r"10\.\d{4,}(\.\d+)*/\S+", short):
            raise UserError(f"“{doi.strip()}” is no DOI; one looks like 10.1007/978-3-319-24574-4_28.")
        found.append((f"doi:{short}", short))
    return tuple(found)
