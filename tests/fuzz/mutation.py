"""Files that are nearly right: somewhere in them stands something else."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

HOSTILE: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**31, 2**63, -(2**63), 10**400, 1e308, -1.5, float("inf"), float("nan"),
    "", "x", "x" * 5000, "\0", "../..", "/etc/passwd", "²", "9" * 5000, "\ud800", "NaN",
    [], {}, [[]], [None], [[[[[[]]]]]], {"a": {}}, [1e300, 1e300], ["objects"], list(range(3000)),
)  # fmt: skip


def mutate(content: bytes, words: Sequence[bytes], rng: random.Random) -> bytes:
    """Return bytes with one to four changes; JSON, also behind a first byte, stays JSON half of the time."""
    if rng.random() < 0.5:
        for start in (0, 1):
            try:
                value = json.loads(content[start:])
            except ValueError:
                continue
            if isinstance(value, dict | list):
                for _ in range(rng.randint(1, 3)):
                    value = _with_something_else(value, rng)
                return content[:start] + json.dumps(value).encode("utf-8", "surrogatepass")
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place, length = rng.randint(0, len(changed)), rng.choice((0, 1, 1, 2, 4, 8, len(changed) // 2))
        new = rng.choice((rng.randbytes(max(length, 1)), b"", b"\xff" * length, bytes(length), *words))
        changed[place : place + length] = new
    return bytes(changed)


def _with_something_else(value: Any, rng: random.Random) -> Any:
    """Return JSON in which one thing, at whatever depth, is another, gone, or there twice."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.15:
        return rng.choice(HOSTILE)
    if isinstance(value, dict):
        key = rng.choice(sorted(value))
        if rng.random() < 0.1:
            return {name: inner for name, inner in value.items() if name != key}
        if rng.random() < 0.1:
            return {**value, rng.choice([h for h in HOSTILE if isinstance(h, str)]): value[key]}
        return {**value, key: _with_something_else(value[key], rng)}
    k = rng.randrange(len(value))
    if rng.random() < 0.1:
        return [*value[:k], *value[k + 1 :]]
    if rng.random() < 0.1:
        return [*value, value[k]]
    return [*value[:k], _with_something_else(value[k], rng), *value[k + 1 :]]
