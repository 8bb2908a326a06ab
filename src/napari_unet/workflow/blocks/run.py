"""An image of any size, segmented block by block: what is next, what comes back, what is written."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.errors import Stopped
from napari_unet.formats.lazy import LazyImage
from napari_unet.network.model_file import Model
from napari_unet.workflow.blocks.bench import Bench
from napari_unet.workflow.blocks.compute import BlockJob, Made, tiles_of
from napari_unet.workflow.blocks.grid import Box, Index
from napari_unet.workflow.blocks.here import HandedBack, Here, Place, PlaceLost
from napari_unet.workflow.blocks.stitching import numbered, one_number_each
from napari_unet.workflow.blocks.store import BlockStore

SECONDS_BETWEEN_LOOKS = 0.5
TILE_SHARE = 3
"""A tile takes about so many times as long as the objects of a block, for the bar."""

LookedAt = Callable[[], Box | None]
"""Returns the part of the image (px) whose blocks come first, asked before every job."""
OnBlock = Callable[[Box], None]
"""Called when a block's labels are on disk."""
Tell = Callable[[str], None]


def nowhere() -> None:
    """Nothing is looked at."""


def no_block(box: Box) -> None:
    """Take note of nothing."""


@dataclass
class BlockRun:
    """One image on its way.

    Attributes
    ----------
    place
        Where it is computed; when that is gone, the rest is computed here.
    keep_tiles
        Whether what the network says is to be kept when the blocks around it are done.
    tell
        Takes sentences for the user while it runs.
    """

    store: BlockStore
    model: Model
    image: LazyImage
    place: Place
    keep_tiles: bool = False
    device: str = "auto"
    on_progress: OnProgress = no_progress
    should_stop: ShouldStop = never_stop
    on_block: OnBlock = no_block
    looked_at: LookedAt = nowhere
    tell: Tell = lambda sentence: None

    def __post_init__(self) -> None:
        plan = self.plan = self.store.plan
        self._needed: dict[tuple[Index, int], list[Index]] = {}
        self.tiles = self.store.tiles()
        done = self.store.journal.done
        self._waiting = dict.fromkeys((index for index in plan.blocks if index not in done), plan.halo)
        self._flying: dict[Future[Any], tuple[str, Index, int]] = {}
        self._missing = {
            tile for index in self._waiting for tile in self._tiles_of(index, plan.halo)
        } - self.tiles
        self._best = (-1.0, "")

    def run(self) -> str | None:
        """Segment what is not done yet.

        Returns
        -------
        str or None
            Why nothing was found, in one sentence.

        Raises
        ------
        Stopped
            When asked to stop; what is done stays done.
        """
        self._begin(self.place)
        try:
            self._segment()
        finally:
            self.place.end()
        self._unite()
        return self._best[1] or None if self.store.journal.next_number == 1 else None

    def _begin(self, place: Place) -> None:
        bench = Bench(self.plan, self.model, self.device)
        try:
            place.begin(bench, self.image, self.store)
        except PlaceLost as lost:
            place.end()
            self._go_home(lost)
        else:
            self.place = place

    def _go_home(self, lost: PlaceLost) -> None:
        self.tell(f"{lost} The rest is computed on this computer.")
        self._begin(Here())

    def _segment(self) -> None:
        self._report()
        while self._waiting or self._flying:
            if self.should_stop():
                self._give_up()
                journal = self.store.journal
                raise Stopped(
                    f"Stopped; {len(journal.done)} of {len(self.plan.blocks)} blocks are done and kept."
                )
            try:
                self._go_on()
            except PlaceLost as lost:
                self._give_up()
                self.place.end()
                self._go_home(lost)

    def _go_on(self) -> None:
        """Hand over as much as the place takes, and take what comes back."""
        for sentence in self.place.look():
            self.tell(sentence)
        while len(self._flying) < self.place.at_once and self._hand_over():
            pass
        done, _ = wait(self._flying, timeout=SECONDS_BETWEEN_LOOKS, return_when=FIRST_COMPLETED)
        for future in done:
            kind, index, halo = self._flying[future]
            try:
                result = self.place.result(future)
            except HandedBack:
                self._take_back(future)
                continue
            del self._flying[future]
            if kind == "tile":
                self._take_tile(index, result)
            else:
                self._take_block(index, halo, result)
            self._report()

    def _hand_over(self) -> bool:
        """Give the place the next job; tell whether there was one."""
        tiles = {index for kind, index, _ in self._flying.values() if kind == "tile"}
        blocks = [index for kind, index, _ in self._flying.values() if kind == "block"]
        for index in self._in_order():
            halo = self._waiting[index]
            needed = self._tiles_of(index, halo)
            missing = [tile for tile in needed if tile not in self.tiles and tile not in tiles]
            if missing:
                self._flying[self.place.tile(missing[0])] = ("tile", missing[0], 0)
                return True
            # A block has to see what its neighbours have written: two that touch are not made at once.
            free = not any(max(abs(index[0] - k[0]), abs(index[1] - k[1])) <= 1 for k in blocks)
            if free and all(tile in self.tiles for tile in needed):
                del self._waiting[index]
                self._flying[self.place.block(self._job_of(index, halo))] = ("block", index, halo)
                return True
        return False

    def _in_order(self) -> Iterator[Index]:
        """Go through the waiting blocks: what is looked at, from its middle on, then the others."""
        grid, seen = self.plan.blocks, self.looked_at()
        first: list[Index] = []
        if seen is not None:
            box = grid.clip(seen)
            if box[0] < box[1] and box[2] < box[3]:
                y, x = (box[0] + box[1]) / 2, (box[2] + box[3]) / 2
                first = [index for index in grid.touched(box) if index in self._waiting]
                first.sort(
                    key=lambda k: (k[0] + 0.5 - y / grid.side) ** 2 + (k[1] + 0.5 - x / grid.side) ** 2
                )
        # A few suffice to keep a place busy.
        yield from itertools.islice(dict.fromkeys([*first, *self._waiting]), 2 * self.place.at_once + 1)

    def _tiles_of(self, index: Index, halo: int) -> list[Index]:
        """Return the tiles of a block, which is asked for its tiles before every job."""
        if (index, halo) not in self._needed:
            self._needed[index, halo] = tiles_of(self.plan, index, halo)
        return self._needed[index, halo]

    def _job_of(self, index: Index, halo: int) -> BlockJob:
        grid, done = self.plan.blocks, self.store.journal.done
        return BlockJob(index, halo, tuple(k for k in grid.touched(grid.box(index, halo)) if k in done))

    def _take_tile(self, index: Index, said: Any) -> None:
        if said is not None:
            self.store.write_tile(index, said)
        self.tiles.add(index)
        self._missing.discard(index)

    def _take_block(self, index: Index, halo: int, made: Made) -> None:
        if made.too_narrow:
            wider = min(2 * halo, self.plan.largest_halo)
            self._waiting = {index: wider, **self._waiting}
            return
        core, journal = self.plan.blocks.box(index), self.store.journal
        if made.numbers is None:
            labels, next_number = made.labels, max(journal.next_number, int(made.labels.max()) + 1)
        else:
            labels, next_number = numbered(made.labels, made.numbers, journal.next_number)
        if made.top > self._best[0]:
            self._best = (made.top, made.why_empty or "")
        self.store.labels.write(core[0], core[2], labels)
        journal.add(index, next_number, made.same)
        self.on_block(core)
        if not self.keep_tiles:
            self._forget_around(index)

    def _forget_around(self, index: Index) -> None:
        """Remove what the network said where all blocks that see it are done."""
        plan, done = self.plan, self.store.journal.done
        for tile in self._tiles_of(index, plan.halo):
            y0, y1, x0, x1 = plan.tiles.box(tile)
            reach = plan.halo + round(4 / plan.scale)
            around = plan.blocks.clip(
                (int(y0 / plan.scale) - reach, int(y1 / plan.scale) + reach,
                 int(x0 / plan.scale) - reach, int(x1 / plan.scale) + reach)
            )  # fmt: skip
            if tile in self.tiles and done.issuperset(plan.blocks.touched(around)):
                self.store.forget_tile(tile)
                self.tiles.discard(tile)

    def _unite(self) -> None:
        """Give objects that turned out to be one the same number."""
        numbers = one_number_each(self.store.journal.same)
        if not numbers:
            return
        for k, index in enumerate(self.plan.blocks):
            if self.should_stop():
                raise Stopped(
                    "Stopped; all blocks are done and kept, objects that span several are not united yet."
                )
            self.on_progress(k / len(self.plan.blocks), "Uniting what spans several blocks")
            self.store.replace_numbers(index, numbers)

    def _give_up(self) -> None:
        """Take back what was handed over."""
        for future in list(self._flying):
            future.cancel()
            self._take_back(future)

    def _take_back(self, future: Future[Any]) -> None:
        kind, index, halo = self._flying.pop(future)
        if kind == "block":
            self._waiting = {index: halo, **self._waiting}

    def _report(self) -> None:
        plan, n_done = self.plan, len(self.store.journal.done)
        total = TILE_SHARE * len(plan.tiles) + len(plan.blocks)
        done = TILE_SHARE * (len(plan.tiles) - len(self._missing)) + n_done
        self.on_progress(done / total, f"{n_done} of {len(plan.blocks)} blocks done")
