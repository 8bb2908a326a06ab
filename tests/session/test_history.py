"""One step per action, bounded in number and memory."""

import numpy as np

from napari_unet.objects.edit import Change
from napari_unet.session.history import Action, History, Which


def action(name, old=0, new=1, key=None, n=1, offset=(0, 0)):
    change = Change(offset, np.full((n, n), old, np.int32), np.full((n, n), new, np.int32))
    return Action(name, ((Which.ANNOTATION, change),), key)


def test_the_oldest_actions_are_forgotten_first():
    history = History(most_actions=2)
    for name in "abc":
        history.push(action(name))
    assert history.undo().name == "c"
    assert history.undo().name == "b"
    assert history.undo() is None


def test_memory_is_bounded_but_the_last_action_stays():
    history = History(most_bytes=1000)
    history.push(action("small"))
    history.push(action("large", n=100))
    assert history.undo_name == "large"
    history.undo()
    assert history.undo_name is None


def test_a_dragged_slider_is_one_step_from_first_to_last():
    history = History()
    history.push(action("Objects", 0, 1, key="slider"))
    history.push(action("Objects", 1, 2, key="slider"))
    undone = history.undo()
    (_, change), *rest = undone.changes
    assert not rest
    assert (change.old[0, 0], change.new[0, 0]) == (2, 0)
    assert history.undo() is None


def test_a_slider_after_something_else_is_a_step_of_its_own():
    history = History()
    history.push(action("Objects", key="slider"))
    history.push(action("Paint"))
    history.push(action("Objects", key="slider"))
    assert [history.undo().name for _ in range(3)] == ["Objects", "Paint", "Objects"]


def test_a_new_action_makes_what_was_undone_unreachable():
    history = History()
    history.push(action("a"))
    history.undo()
    history.push(action("b"))
    assert history.redo() is None


def test_merged_boxes_of_different_size_undo_in_reverse_order():
    history = History()
    history.push(action("Objects", 0, 1, key="s", n=2))
    history.push(action("Objects", 1, 2, key="s", n=1, offset=(1, 1)))
    undone = history.undo()
    assert [change.offset for _, change in undone.changes] == [(1, 1), (0, 0)]
