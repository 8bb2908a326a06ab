"""The rounds of the loop: name, time, work, annotation, scores; use one again, compare two."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt, QTimer
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.know.going_back import GoingBack
from napari_unet._qt.know.object_list import ObjectList
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import button, hint, row
from napari_unet.objects.comparison import DIFFERENCE_COLOURS, Difference
from napari_unet.session.effort import Effort, Efforts, count_efforts

_MOST_ROWS, _PADDING = 6, 8
_QUIET_MS = 1500
_WORDS = {Difference.FIXED: "fixed", Difference.BROKEN: "broken", Difference.CHANGED: "changed"}


class RoundsList(QWidget):
    """A line per round; the one in use is bold."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop, self._comparing = loop, loop.comparing
        self._efforts = Efforts({}, {})
        self._reading: Job | None = None
        self._shown: object = None
        self._rows: list[tuple[Any, ...]] = []  # what the lines say
        self.list = QTreeWidget()
        self.list.setHeaderLabels(["Round", "Work", "Labels", "F1 held out"])
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setToolTip(
            "<p>Every training. Double-click a name to change it; hold Ctrl to choose two. The one in use is bold.</p>"
        )
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for k in (1, 2, 3):
            header.setSectionResizeMode(k, QHeaderView.ResizeMode.ResizeToContents)
        self.list.itemChanged.connect(self._rename)
        self.list.itemSelectionChanged.connect(self._show_chosen)
        self.about = hint()
        self.use = button(
            "Use this round",
            "Segment with this round's network and train on from it. Later rounds stay in the list: nothing is lost. "
            "Your annotation stays as it is.",
            self._use,
        )
        self.going_back = GoingBack(loop, self)
        self.use_all = button(
            "… with its annotation",
            "Use this round, and make the annotation of this image what it was when its training began: for when "
            "things went wrong since. Undo takes it back, and a snapshot of the project as it is now is kept.",
            self._use_all,
        )
        self.compare = button(
            "Compare",
            "Segment the plane that is shown with two rounds (the chosen ones, or the chosen one and the one in use), "
            "and mark what was fixed, broken or changed.",
            self._compare,
        )
        self.work = hint()
        self.news = hint()
        self.objects = ObjectList(["", "Object"], "Click on a line to go there.")
        self.objects.went.connect(self._go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for part in (
            self.list,
            self.about,
            row(self.use, self.use_all),
            row(self.compare),
            self.work,
            self.news,
            self.objects,
        ):
            layout.addWidget(part)
        self._quiet = QTimer(self)
        self._quiet.setSingleShot(True)
        self._quiet.setInterval(_QUIET_MS)
        self._quiet.timeout.connect(self._read_efforts)
        loop.edited.connect(self._quiet.start)
        loop.round_done.connect(self._quiet.start)
        loop.comparing.found.connect(self._show_differences)
        loop.comparing.changed.connect(self.refresh)
        self._show_differences()
        self._quiet.start()

    def refresh(self) -> None:
        """Show the rounds as they are; cheap where nothing changed."""
        rounds = self._loop.session.rounds
        now = (
            tuple((done.key, done.name) for done in rounds.all),
            rounds.current,
            self._efforts.before,
        )
        if now != self._shown:
            self._shown = now
            self._fill()
            self._quiet.start()
        chosen = self.chosen()
        busy = self._comparing.job is not None
        self.list.setVisible(bool(rounds.all))
        self.work.setVisible(bool(self.work.text()))
        self.use.setEnabled(len(chosen) == 1 and chosen[0] is not rounds.current)
        self.compare.setText("Comparing …" if busy else "Compare")
        self.compare.setEnabled(not busy and self._pair() is not None)
        self.use_all.setEnabled(len(chosen) == 1 and self.going_back.is_possible)
        for made in (self.use, self.use_all, self.compare):
            made.setVisible(bool(rounds.all))

    def chosen(self) -> list[Any]:
        """Return the rounds whose lines are selected, in order."""
        picked = {item.data(0, Qt.ItemDataRole.UserRole) for item in self.list.selectedItems()}
        return [done for done in self._loop.session.rounds.all if done.key in picked]

    # ---- inside --------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Bring the lines up to date, only those that are others now: there may be a thousand."""
        rounds, picked = self._loop.session.rounds, {done.key for done in self.chosen()}
        rows = [(done.key, done.name, *self._columns(done), done is rounds.current) for done in rounds.all]
        with QSignalBlocker(self.list):
            while self.list.topLevelItemCount() > len(rows):
                self.list.takeTopLevelItem(self.list.topLevelItemCount() - 1)
            self.list.addTopLevelItems([_line() for _ in rows[self.list.topLevelItemCount() :]])
            for number, content in enumerate(rows):
                if number >= len(self._rows) or self._rows[number] != content:
                    self._write(self.list.topLevelItem(number), content, content[0] in picked)
        self._rows = rows
        height = self.list.sizeHintForRow(0) if rows else 18
        height *= min(max(len(rows), 1), _MOST_ROWS)
        self.list.setFixedHeight(height + self.list.header().sizeHint().height() + _PADDING)
        self._show_chosen()

    def _write(self, item: QTreeWidgetItem, content: tuple[Any, ...], is_picked: bool) -> None:
        key, *texts, is_current = content
        item.setData(0, Qt.ItemDataRole.UserRole, key)
        for column, text in enumerate(texts):
            item.setText(column, text)
        font = item.font(0)
        font.setBold(is_current)
        item.setFont(0, font)
        item.setSelected(is_picked)

    def _columns(self, done: Any) -> list[str]:
        effort = self._efforts.of_round(done.number)
        known = effort != Effort()
        annotated = done.description.training.annotated
        labels = annotated.get("objects", annotated.get("classes"))
        f1 = done.sure_scores.get("F1")
        score = done.held_out.get("score")
        shown = f"{f1.value:.2f} ± {f1.half_width:.2f}" if f1 else "" if score is None else f"{score:.2f}"
        return [
            f"{effort.minutes:.0f} min" if known else "–",
            "" if labels is None else str(labels),
            shown or "–",
        ]

    def _show_chosen(self) -> None:
        chosen = self.chosen()
        self.about.setText("\n".join(self._describe(done) for done in chosen[:2]))
        self.about.setVisible(bool(chosen))
        self.refresh()

    def _describe(self, done: Any) -> str:
        scores = "; ".join(in_words(name, each) for name, each in done.sure_scores.items() if name != "AP")
        anew = " Began anew from the bundled network." if done.begun_anew else ""
        effort = self._efforts.of_round(done.number)
        work = f" {effort}." if effort != Effort() else ""
        when = done.started.replace("T", " ")[:16]
        return f"{done.name}, {when}:{work}{anew} {scores or 'nothing was held out'}."

    def _rename(self, item: QTreeWidgetItem, column: int) -> None:
        key = item.data(0, Qt.ItemDataRole.UserRole)
        rounds = self._loop.session.rounds
        done = next((one for one in rounds.all if one.key == key), None)
        if column != 0 or done is None or item.text(0) == done.name:
            return
        with self._loop.telling("Naming the round"):
            rounds.rename(done, item.text(0))
        self._shown, self._rows = None, []  # also where the name was refused
        self._loop.session.rounds_changed.emit()

    def _use(self) -> None:
        with self._loop.telling("Using the round"):
            chosen = self.chosen()[0]
            self._loop.session.use_round(chosen)
            self._loop.say(
                "info",
                f"“{chosen.name}” segments now, and the next training starts from it; later rounds stay.",
            )
            self._loop.segment([self._loop.plane()])

    def _use_all(self) -> None:
        self.going_back.go(self.chosen()[0])

    def _pair(self) -> tuple[Any, Any] | None:
        chosen, current = self.chosen(), self._loop.session.rounds.current
        if len(chosen) == 1 and current is not None and chosen[0] is not current:
            chosen = sorted([*chosen, current], key=lambda done: done.number)
        return (chosen[0], chosen[1]) if len(chosen) == 2 else None

    def _compare(self) -> None:
        pair = self._pair()
        if pair is not None:
            self._comparing.compare(*pair)

    def _show_differences(self) -> None:
        comparison = self._comparing.comparison
        self.news.setText(self._comparing.sentence)
        self.news.setVisible(bool(self._comparing.sentence))
        lines = [
            (
                DIFFERENCE_COLOURS[each.kind],
                [_WORDS[each.kind], f"object {each.value}" if each.value else "gone"],
                each.centre,
            )
            for each in (comparison.objects if comparison is not None else ())
        ]
        self.objects.fill(lines)

    def _go(self, y: float, x: float) -> None:
        with self._loop.telling("Going there"):
            self._loop.layers.go_to((*self._loop.plane(), round(y), round(x)))

    def _read_efforts(self) -> None:
        project = self._loop.keeping.project
        if project is None or self._reading is not None:
            return
        self._reading = start_job(
            "counting the work",
            lambda on_report, should_stop: count_efforts(project.history()),
            completed=self._take_efforts,
            failed=self._loop.tell_failure,
            finished=self._read,
            asks=False,
        )

    def _take_efforts(self, efforts: Efforts) -> None:
        self._efforts = efforts
        images = self._loop.album.images
        names = {image.id: image.name for image in images}
        each = [f"{names.get(image, image)} {effort}" for image, effort in efforts.of_images().items()]
        total = f"Work so far: {efforts.total}."
        self.work.setText(total if len(each) < 2 else f"{total} By image: {'; '.join(each[:6])}.")
        self.refresh()

    def _read(self) -> None:
        self._reading = None


def _line() -> QTreeWidgetItem:
    item = QTreeWidgetItem()
    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
    for column in (1, 2, 3):
        item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item


def in_words(name: str, interval: Any) -> str:
    """Return a score with its interval; merges and splits per hundred objects."""
    if name in ("merges", "splits"):
        percent = [round(100 * value) for value in (interval.value, interval.low, interval.high)]
        return f"{name} {percent[0]} ({percent[1]}–{percent[2]}) in 100 objects"
    return f"{name} {interval}"
