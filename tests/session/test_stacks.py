"""A stack in a session: axes, scopes, planes that come one by one, linking, what a project keeps of it."""

import csv

import numpy as np
import pytest

from napari_unet.annotation.coding import LabelsAre
from napari_unet.errors import Stopped, UserError
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.objects.edit import Change
from napari_unet.objects.linking import LinkSettings
from napari_unet.project import Project
from napari_unet.session import ImageSource, Session, Which, label_problems, stack_channels
from napari_unet.session.described import describe_image
from napari_unet.session.history import Action, History
from napari_unet.session.keeping import Keeper
from napari_unet.session.linking import Linking
from napari_unet.session.naming import name_axes
from napari_unet.session.restoring import read_kept, restore
from napari_unet.session.scope import Scope, planes_of, scopes_of
from napari_unet.session.stored import StoredProbabilities
from napari_unet.session.tasks import SegmentationTask
from napari_unet.session.through import Through, axes_of
from napari_unet.workflow import Segmented


class Lazy:
    """An array that knows which planes were read, and refuses to be read as a whole."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape, self.ndim, self.dtype = shape, len(shape), np.dtype(np.uint8)
        self.read: list[object] = []

    def __getitem__(self, index: object) -> np.ndarray:
        self.read.append(index)
        indices = index if isinstance(index, tuple) else (index,)
        shape = self.shape[sum(isinstance(i, int) for i in indices) :]
        assert len(shape) <= 2, "more than a plane is read"
        rng = np.random.default_rng(7)
        return rng.integers(0, 255, shape, dtype=np.uint8)

    def __array__(self, *_: object) -> np.ndarray:
        raise AssertionError("the whole image is read")


def stack(shape: tuple[int, ...], labels: tuple[str, ...] = ()) -> ImageSource:
    return ImageSource("stack", Lazy(shape), axis_labels=labels)


def begun(shape: tuple[int, ...] = (3, 40, 60), labels: tuple[str, ...] = ()) -> Session:
    session = Session()
    session.set_image(ImageSource("stack", np.zeros(shape, np.uint8), axis_labels=labels))
    session.annotating.start(LabelsAre.OBJECTS)
    return session


def show_discs(session: Session) -> None:
    """Two cells on three planes, numbered on each plane in another order."""
    y, x = np.mgrid[:40, :60]
    for z, numbers in enumerate([(1, 2), (2, 1), (5, 9)]):
        plane = np.zeros((40, 60), np.int32)
        plane[(y - 20) ** 2 + (x - 15) ** 2 < 64] = numbers[0]
        plane[(y - 20) ** 2 + (x - 45) ** 2 < 64] = numbers[1]
        session.segmenting.show((z,), plane, "Segment")


def link(session: Session) -> None:
    task = session.segmenting.linking.prepare()
    assert task is not None
    result = task.run(lambda fraction, words: None, lambda: False)
    assert session.segmenting.linking.show(task, result.changes)
    session.segmenting.linking.finish(task, result)


def test_axes_are_those_that_somebody_named_or_the_usual_ones():
    assert stack((2, 3, 8, 8)).axes == "TZYX"
    assert stack((3, 8, 8), ("t", "y", "x")).axes == "TYX"
    assert stack((3, 8, 8), ("time", "row", "column")).axes == "TYX"
    assert stack((3, 8, 8), ("axis -3", "axis -2", "axis -1")).axes == "ZYX"
    session = begun()
    name_axes(session.state, "t, y, x")
    assert session.image.axes == "TYX"
    for wrong, why in [
        ("TYY", "each axis once"),
        ("TZYX", "names 4"),
        ("T1X", "no letters"),
        ("YXT", "rearrange"),
    ]:
        with pytest.raises(UserError, match=why):
            name_axes(session.state, wrong)
    assert session.image.axes == "TYX"


@pytest.mark.parametrize(
    ("shape", "labels", "scopes"),
    [
        ((8, 8), (), [Scope.PLANE]),
        ((1, 8, 8), (), [Scope.PLANE]),
        ((3, 8, 8), (), [Scope.PLANE, Scope.ALL]),
        ((3, 8, 8), ("t", "y", "x"), [Scope.PLANE, Scope.ALL]),
        ((2, 3, 8, 8), (), [Scope.PLANE, Scope.STACK, Scope.ALL]),
        ((1, 3, 8, 8), (), [Scope.PLANE, Scope.ALL]),
    ],
)
def test_only_scopes_that_differ_are_offered(shape, labels, scopes):
    assert scopes_of(stack(shape, labels)) == scopes


def test_the_plane_that_is_seen_comes_first_then_its_stack_then_the_others():
    image = stack((3, 4, 8, 8))
    assert planes_of(image, Scope.PLANE, (1, 2)) == [(1, 2)]
    assert planes_of(image, Scope.STACK, (1, 2)) == [(1, 2), (1, 1), (1, 3), (1, 0)]
    everything = planes_of(image, Scope.ALL, (1, 2))
    assert everything[:4] == planes_of(image, Scope.STACK, (1, 2))
    assert sorted(everything) == image.planes()
    assert image.data.read == []


def test_planes_come_one_by_one_and_only_those_are_read(monkeypatch):
    session = Session()
    session.set_image(stack((4, 32, 32)))
    made = []

    def fake(model, image, **_):
        made.append(image)
        labels = np.full((32, 32), len(made), np.int32)
        return Segmented(labels, np.full((2, 32, 32), 0.5, np.float32), None, 1.0, ("Dim.",))

    monkeypatch.setattr("napari_unet.workflow.segment_image", fake)
    task = session.prepare_segmentation([(2,), (1,)])
    came = {}
    left = task.run(lambda fraction, words: None, lambda: False, came.__setitem__)
    assert list(came) == [(2,), (1,)]
    assert left == {}
    assert all(segmented.probabilities.dtype == np.float16 for segmented in came.values())
    assert session.image.data.read == [(2,), (1,)]
    for plane, segmented in came.items():
        showing = session.segmenting.prepare_showing(task, {plane: segmented})
        assert session.segmenting.finish_showing(showing, showing.run()) == ["Dim."]
    assert [bool(plane.any()) for plane in session.segmentation] == [False, True, True, False]
    assert session.undo() == "Segment"  # both planes
    assert not session.segmentation.any()


def test_only_annotated_planes_are_read_to_train_and_only_when_it_runs(monkeypatch):
    session = Session()
    session.set_image(stack((5, 32, 32)))
    session.annotating.start(LabelsAre.OBJECTS)
    for z, value in ((1, 2), (3, 5)):
        painted = np.ones((1, 20, 20), np.int32)
        painted[:, 5:12, 5:12] = value
        session.record_stroke(Which.ANNOTATION, (z, 2, 2), painted)
    task = session.prepare_training("scratch", TrainingSettings(steps=1))
    assert session.image.data.read == []
    seen = []
    monkeypatch.setattr(
        "napari_unet.workflow.train_model", lambda images, *_, **__: seen.extend(images) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        task.run(lambda report: None, lambda: False)
    assert session.image.data.read == [(1,), (3,)]
    assert [(image.plane, type(image.image), image.image.shape) for image in seen] == [
        ((1,), np.ndarray, (1, 32, 32)),
        ((3,), np.ndarray, (1, 32, 32)),
    ]


def test_channels_in_files_are_joined_without_being_read(tmp_path):
    files = [np.lib.format.open_memmap(tmp_path / f"{k}.npy", "w+", np.uint8, (4, 16, 16)) for k in range(2)]
    files[1][2] = 7
    joined = stack_channels([ImageSource(f"c{k}", data) for k, data in enumerate(files)])
    assert not isinstance(joined.data, np.ndarray)
    assert joined.plane((2,)).max(axis=(1, 2)).tolist() == [0, 7]
    assert joined.plane_later((2,), (1,)).shape == (1, 16, 16)
    assert np.asarray(joined.plane_later((2,), (1,))).min() == 7


def test_a_stop_keeps_the_planes_that_came(monkeypatch):
    session = begun((4, 32, 32))
    stop = []

    def fake(model, image, **how):
        if stop:
            raise Stopped
        stop.append(True)
        return Segmented(np.ones((32, 32), np.int32), np.ones((2, 32, 32), np.float32), None, 1.0)

    monkeypatch.setattr("napari_unet.workflow.segment_image", fake)
    task = session.prepare_segmentation()
    came = {}
    task.run(lambda fraction, words: None, lambda: False, came.__setitem__)
    assert list(came) == [(0,)]
    with pytest.raises(Stopped):
        SegmentationTask.run(task, lambda fraction, words: None, lambda: False, came.__setitem__)


def test_memory_of_probabilities_is_bounded_and_the_planes_looked_at_stay():
    stored = StoredProbabilities(most_bytes=3 * 2 * 16 * 16 * 2)
    for z in range(5):
        segmented = Segmented(np.zeros((16, 16), np.int32), np.ones((2, 16, 16), np.float32), None, 1.0)
        stored.keep((z,), segmented, 28.0)
        stored.get((0,))
    assert set(stored.all()) == {(0,), (3,), (4,)}


def test_linking_gives_one_number_through_the_planes_and_can_be_taken_back():
    session = begun()
    show_discs(session)
    before = session.segmentation.copy()
    session.segmenting.linking.choose(Through.DEPTH, LinkSettings())
    link(session)
    left, right = session.segmentation[:, 20, 15], session.segmentation[:, 20, 45]
    assert len(set(left.tolist())) == len(set(right.tolist())) == 1
    assert left[0] != right[0]
    assert session.segmenting.linking.n_objects == 2
    assert session.undo() == "Link planes"
    assert np.array_equal(session.segmentation, before)


def read_table(path):
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_the_table_follows_the_axes_and_how_planes_are_linked(tmp_path):
    session = begun()
    scale, units = (2.0, 0.5, 0.5), ("um", "um", "um")
    session.set_image(ImageSource("stack", np.ones((3, 40, 60), np.uint8), scale=scale, units=units))
    show_discs(session)
    session.save_table(tmp_path / "planes.csv")
    planes = read_table(tmp_path / "planes.csv")
    assert planes["z"] == ["0", "0", "1", "1", "2", "2"]
    assert "area_um2" in planes
    session.segmenting.linking.choose(Through.DEPTH, LinkSettings())
    link(session)
    session.save_table(tmp_path / "objects.csv")
    objects = read_table(tmp_path / "objects.csv")
    assert len(objects["label"]) == 2
    assert objects["n_planes"] == ["3", "3"]
    assert [float(v) for v in objects["volume_um3"]] == [float(v) * 0.5 for v in objects["volume"]]
    assert [float(v) for v in objects["centroid-z_um"]] == [2.0, 2.0]
    name_axes(session.state, "TYX")
    session.segmenting.linking.choose(Through.TIME, LinkSettings())
    session.save_table(tmp_path / "tracks.csv")
    tracks = read_table(tmp_path / "tracks.csv")
    assert tracks["t"] == planes["z"]
    assert set(tracks["first_seen"]) == {"0"}
    assert set(tracks["last_seen"]) == {"2"}
    assert set(tracks["mother"]) == {"0"}


def test_3d_objects_are_measured_at_every_time_point(tmp_path):
    session = begun((2, 3, 40, 60))
    session.annotating.start(LabelsAre.OBJECTS, ("round", "long"))
    for t in range(2):
        for z in range(3):
            plane = np.zeros((40, 60), np.int32)
            plane[10:20, 10 + t : 20 + t] = 3 + z
            session.segmenting.show((t, z), plane, "Segment")
    session.accept((0, 1))
    session.annotating.set_object_class(2, 2)
    session.segmenting.linking.choose(Through.BOTH, LinkSettings())
    link(session)
    session.save_table(tmp_path / "objects.csv")
    table = read_table(tmp_path / "objects.csv")
    assert (table["t"], table["volume"]) == (["0", "1"], ["300", "300"])
    assert len(set(table["label"])) == 1
    assert table["last_seen"] == ["1", "1"]
    assert set(table["class"]) <= {"round", "long"}
    assert "volume_um3" not in table


def test_a_piece_that_is_cut_off_gets_a_number_that_no_plane_has():
    session = begun()
    show_discs(session)
    session.segmenting.linking.choose(Through.DEPTH, LinkSettings())
    link(session)
    before = session.segmentation.copy()
    session.correcting.split((1,), np.array([[5.0, 15.0], [35.0, 15.0]]))
    new = np.setdiff1d(session.segmentation[1], before[1])
    assert new.size == 1
    assert new[0] > before.max()
    session.segmenting.linking.choose(Through.NOTHING, LinkSettings())
    session.undo()
    session.correcting.split((1,), np.array([[5.0, 15.0], [35.0, 15.0]]))
    assert np.setdiff1d(session.segmentation[1], before[1])[0] == before[1].max() + 1


def test_a_plane_that_was_painted_while_planes_were_linked_is_left_to_the_next_time():
    session = begun()
    show_discs(session)
    session.segmenting.linking.choose(Through.DEPTH, LinkSettings())
    task = session.segmenting.linking.prepare()
    result = task.run(lambda fraction, words: None, lambda: False)
    assert result.complete
    painted = np.full((1, 5, 5), 7, np.int32)
    session.record_stroke(Which.SEGMENTATION, (1, 18, 13), painted)
    assert not session.segmenting.linking.show(task, result.changes)
    assert (session.segmentation[1, 18:23, 13:18] == 7).all()


def test_what_can_be_linked_follows_the_axes():
    session = begun()
    assert session.segmenting.linking.choices() == [Through.NOTHING, Through.DEPTH]
    name_axes(session.state, "TYX")
    assert session.segmenting.linking.choices() == [Through.NOTHING, Through.TIME]
    assert axes_of(Through.BOTH, stack((4, 5, 8, 8), ("z", "t", "y", "x"))) == (0, 1)
    session.segmenting.linking.choose(Through.DEPTH, LinkSettings())
    show_discs(session)
    assert session.segmenting.linking.prepare() is None


def test_what_other_planes_have_is_no_problem_of_this_one():
    session = begun((4, 40, 60))

    def problems(z):
        return [found for found, _ in label_problems.prepare(session.state, session.sizes, (z,)).run()]

    assert [(p.kind, p.blocking) for p in problems(1)] == [("empty", True)]
    session.record_stroke(Which.ANNOTATION, (0, 5, 5), np.full((1, 9, 9), 2, np.int32))
    assert [(p.kind, p.blocking) for p in problems(2)] == [("empty", True)]  # no background anywhere
    session.record_stroke(Which.ANNOTATION, (3, 5, 5), np.ones((1, 9, 9), np.int32))
    (found,) = problems(2)
    assert (found.blocking, found.sentence) == (
        False,
        "Nothing is painted on this plane; 2 other planes are annotated.",
    )
    assert session.annotation[found.where] == 1  # the nearest one
    assert not any(p.blocking for p in problems(0))


@pytest.mark.parametrize("kept", [None, 3, {"through": "space"}, {"through": "depth", "least_overlap": -1}])
def test_a_choice_that_is_none_is_no_choice(kept):
    linking = Linking(Session().state)
    linking.restore(kept)
    assert (linking.through, linking.settings) == (Through.NOTHING, LinkSettings())


def test_a_project_keeps_planes_axes_and_the_choice(tmp_path):
    session = begun()
    project = Project.create(tmp_path / "project")
    entry = project.add_image(describe_image(session.image, [0], None, project.folder))
    entry.open()
    keeper = Keeper(session, project, entry)
    session.record_stroke(Which.ANNOTATION, (0, 4, 4), np.full((1, 6, 6), 2, np.int32))
    session.record_stroke(Which.ANNOTATION, (2, 4, 4), np.full((1, 6, 6), 3, np.int32))
    show_discs(session)
    name_axes(session.state, "TYX")
    session.segmenting.linking.choose(Through.TIME, LinkSettings(least_overlap_in_time=0.3))
    link(session)
    annotation, segmentation = session.annotation.copy(), session.segmentation.copy()
    keeper.close()
    project.close()

    project = Project.open(tmp_path / "project")
    entry = project.image(project.images[0].id)
    again = Session()
    again.set_image(ImageSource("stack", np.zeros((3, 40, 60), np.uint8)))
    restore(read_kept(project, entry), again)
    assert np.array_equal(again.annotation, annotation)
    assert np.array_equal(again.segmentation, segmentation)
    assert again.image.axes == "TYX"
    assert again.segmenting.linking.through is Through.TIME
    assert again.segmenting.linking.settings.least_overlap_in_time == 0.3
    assert again.painting.annotated_planes() == [(0,), (2,)]
    project.close()


def test_a_step_of_many_planes_that_is_too_large_to_be_kept_is_not_taken_back_by_half():
    history = History(most_bytes=20_000)
    small = Action(
        "Paint", ((Which.ANNOTATION, Change((0, 0), np.zeros((2, 2), np.int32), np.ones((2, 2), np.int32))),)
    )
    history.push(small)
    plane = np.zeros((1, 32, 32), np.int32)
    for z in range(5):
        history.push(
            Action("Segment", ((Which.SEGMENTATION, Change((z, 0, 0), plane, plane + 1)),), key="segment 1")
        )
    assert history.undo_name is None
    history.push(small)
    assert history.undo_name == "Paint"
