"""Several images in one project: opened one after the other, trained together."""

import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile
from painted_rounds import a_round

from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.regions import Region
from napari_unet.errors import Stopped, UserError
from napari_unet.project import ImageSummary, Project
from napari_unet.project.listing import next_open, unique_names
from napari_unet.session import Session, Which
from napari_unet.session.adding import add_files
from napari_unet.session.choices import TrainingChoices
from napari_unet.session.companions import Companions
from napari_unet.session.keeping import Keeper
from napari_unet.session.pictures import read_picture, source_of
from napari_unet.session.restoring import read_image_only, read_kept, restore
from napari_unet.session.switching import Luggage, unpack

SHAPES = {"a": (64, 80), "b": (64, 80), "c": (50, 40)}


def never() -> bool:
    return False


def nothing(*_: object) -> None:
    pass


@pytest.fixture
def files(tmp_path) -> dict[str, Path]:
    made = {}
    for number, (name, shape) in enumerate(SHAPES.items()):
        made[name] = tmp_path / "images" / f"{name}.tif"
        made[name].parent.mkdir(exist_ok=True)
        tifffile.imwrite(made[name], np.random.default_rng(number).integers(0, 200, shape).astype(np.uint8))
    return made


class Loop:
    """What the window does with the images of a project, without a window."""

    def __init__(self, folder: Path, files=()) -> None:
        self.project = Project.open(folder) if folder.exists() else Project.create(folder)
        self.added = add_files(self.project, list(files), nothing, never)
        self.session = Session()
        self.keeper: Keeper | None = None

    def id_of(self, name: str) -> str:
        return next(image.id for image in self.project.images if image.name == name)

    def progress(self) -> dict[str, str]:
        return {image.name: image.progress for image in self.project.images}

    def open(self, name: str) -> None:
        entry = self.project.image(self.id_of(name))
        picture = read_picture(self.project, entry)
        if self.keeper is None:
            kept = read_kept(self.project, entry)
            self.session.begin_image(source_of(picture.content, entry.description))
            restore(kept, self.session)
            self.keeper = Keeper(self.session, self.project, entry, written=True)
            return
        luggage, before = Luggage.of(self.session), self.keeper
        before.close()
        kept = read_image_only(entry)
        self.session.begin_image(
            source_of(picture.content, entry.description, kept.notes.get("file_channels"))
        )
        unpack(luggage, kept, self.session)
        self.keeper = Keeper(self.session, self.project, entry, before=before)

    def paint(self, offset, value, size=12, which=Which.ANNOTATION) -> None:
        self.session.record_stroke(which, offset, np.full((size, size), value, np.int32))

    def end(self) -> None:
        self.keeper.close()
        self.project.close()


@pytest.fixture
def loop(tmp_path, files):
    made = Loop(tmp_path / "project", files.values())
    made.open("a")
    yield made
    made.keeper.close()
    made.project.close(discard=True)


def summaries(*progress: str) -> list[ImageSummary]:
    return [ImageSummary(id=f"i{k}", name="x", progress=p) for k, p in enumerate(progress)]


def test_the_next_image_is_one_that_is_not_done_and_comes_round():
    images = summaries("work", "done", "new", "work")
    assert next_open(images, "i0").id == "i2"
    assert next_open(images, "i2").id == "i3"
    assert next_open(images, "i3").id == "i0"
    assert next_open(summaries("work", "done"), "i0") is None
    assert next_open(images, "none of them").id == "i0"


def test_names_in_trainings_are_unique_and_stay_when_others_come():
    images = summaries("new", "new", "new")
    assert list(unique_names(images).values()) == ["x", "x (2)", "x (3)"]
    assert unique_names(images[:2]) == {k: v for k, v in unique_names(images).items() if k != "i2"}


def test_whether_labels_came_with_an_image_is_looked_up_by_the_writing_thread(tmp_path, files):
    looked_in = []

    class Labels(np.ndarray):
        def any(self, *args, **kwargs):
            looked_in.append(threading.current_thread().name)
            return super().any(*args, **kwargs)

    labels = np.zeros((3, 1100, 20), np.int32).view(Labels)
    with Project.create(tmp_path / "project") as project:
        first, second, third = add_files(project, files.values(), nothing, never).ids
        project.look_for_work(first, labels.copy())
        labels[2, 1050, 3] = 1
        project.look_for_work(second, labels)
        project.set_progress(third, "done")
        project.look_for_work(third, labels)
    with Project.open(tmp_path / "project") as project:
        assert [image.progress for image in project.images] == ["new", "work", "done"]
    assert set(looked_in) == {"project writer"}
    assert len(looked_in) == 2 * 3 * 3, "all of both, in strips; nobody looks at an image that is done"


def test_files_that_are_no_pictures_get_a_sentence_each_and_the_others_come_in(tmp_path, files):
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0 nothing")
    text = tmp_path / "notes.txt"
    text.write_text("x")
    again = tmp_path / "again.tif"
    again.write_bytes(files["a"].read_bytes())
    counted: list[int] = []
    with Project.create(tmp_path / "project") as project:
        given = [files["a"], broken, text, again, files["c"], tmp_path / "gone.tif"]
        added = add_files(project, given, counted.append, never)
        assert [image.name for image in project.images] == ["a", "c"]
        assert [image.id for image in project.images] == added.ids
        assert [Path(s.split()[0]).name for s in added.sentences[:3]] == [
            "broken.tif",
            "notes.txt",
            "again.tif",
        ]
        assert "already, as “a”" in added.sentences[2]
        assert "no file" in added.sentences[3]
        assert counted == [1, 2, 3, 4, 5, 6]
        assert add_files(project, [files["b"]], nothing, lambda: True).ids == []


def test_going_from_image_to_image_keeps_every_one_as_it_was(tmp_path, files, loop):
    session = loop.session
    session.annotating.start(LabelsAre.OBJECTS, ("nucleus", "debris"))
    assert loop.progress() == {"a": "new", "b": "new", "c": "new"}
    loop.paint((5, 5), 2)
    assert loop.progress()["a"] == "work"
    session.annotating.set_object_class(2, 2)
    session.set_object_size(21.0)
    session.rounds.add(a_round(1))
    session.use_round(session.rounds.current)
    first = session.annotation.copy()

    loop.open("b")  # of the same shape: nothing of a may be on it
    assert not session.annotation.any()
    assert session.undo() is None
    assert session.class_names == ("nucleus", "debris")
    assert session.state.object_size_override == 21.0
    assert [done.name for done in session.rounds.all] == ["Round 1"]
    assert session.current is session.rounds.all[0]
    assert loop.progress()["b"] == "new", "looking at an image is no work"
    loop.paint((30, 40), 2)
    session.annotating.set_class_names(["nucleus", "debris", "dust"])
    session.annotating.set_object_class(2, 3)
    with pytest.raises(UserError, match="several images"):
        session.annotating.remove_class(1)
    second = session.annotation.copy()

    loop.open("c")
    assert session.annotation.shape == SHAPES["c"]
    loop.open("a")
    np.testing.assert_array_equal(session.annotation, first)
    assert session.painting.object_classes == {2: 2}
    assert session.class_names == ("nucleus", "debris", "dust"), "classes are the project's"
    loop.paint((40, 50), 3)
    first = session.annotation.copy()
    loop.project.set_progress(loop.id_of("c"), "done")
    loop.end()

    again = Loop(tmp_path / "project")
    assert again.project.notes["open_image"] == again.id_of("a")
    assert again.progress() == {"a": "work", "b": "work", "c": "done"}
    again.open("b")
    np.testing.assert_array_equal(again.session.annotation, second)
    assert again.session.painting.object_classes == {2: 3}
    assert [done.number for done in again.session.rounds.all] == [1]
    again.open("a")
    np.testing.assert_array_equal(again.session.annotation, first)
    again.end()


def test_the_size_that_was_set_follows_the_width_of_a_pixel():
    luggage = Luggage(LabelsAre.OBJECTS, (), 20.0, 0.5)
    assert luggage.size_for(0.25) == 40.0
    assert luggage.size_for(None) == 20.0
    assert Luggage(None, (), None, 0.5).size_for(0.25) is None


def annotate(loop: Loop, first: int) -> None:
    """Paint background and three objects."""
    loop.session.record_stroke(Which.ANNOTATION, (2, 2), np.ones((44, 36), np.int32))
    for k, at in enumerate([(5, 5), (5, 22), (25, 5)]):
        loop.paint(at, first + k)


def found_in(task):
    found = task.companions.read(task.labels_are, len(task.channel_names), never)
    return task.companions.in_order(task.images, found), found


def prepared(loop: Loop):
    from napari_unet.network.training_settings import TrainingSettings

    settings = TrainingSettings(minutes=None, steps=1, width=4, depth=2, threads=1, device="cpu")
    return loop.session.prepare_training("scratch", settings, Companions.of(loop.keeper))


def test_all_annotated_images_train_with_what_was_said_about_each(files, loop):
    session = loop.session
    session.annotating.start(LabelsAre.OBJECTS)
    annotate(loop, 2)
    session.annotating.mark_complete([3])
    session.annotating.set_regions([Region("rectangle", np.array([[0.0, 0], [50, 40]]), ())])
    labels = session.annotation.copy()
    loop.open("b")
    loop.open("c")
    annotate(loop, 7)
    images, found = found_in(prepared(loop))
    assert [(image.name, image.picture) for image in images] == [("a", "a"), ("c", "c")], "in their order"
    np.testing.assert_array_equal(images[0].labels, labels)
    np.testing.assert_array_equal(images[0].image[0], tifffile.imread(files["a"]))
    assert images[0].marked == {3}
    assert len(images[0].regions) == 1
    assert found.sentences == []

    loop.open("b")  # nothing is annotated on the open one: the others train
    task = prepared(loop)
    images, _ = found_in(task)
    assert [image.name for image in images] == ["a", "c"]
    loop.paint((1, 1), 9)  # meanwhile
    done = session.finish_training(task, task.run(nothing, never))
    assert set(done.revisions) == {loop.id_of("a"), loop.id_of("c")}
    assert done.model.description.training.images == ("a", "c")
    kept, _ = loop.project.rounds.all()
    assert kept[0].document.revisions == done.revisions
    with pytest.raises(Stopped):
        prepared(loop).companions.read(LabelsAre.OBJECTS, 1, lambda: True)


def test_images_that_cannot_train_are_named_and_the_others_do(files, tmp_path, loop):
    session = loop.session
    session.annotating.start(LabelsAre.OBJECTS)
    annotate(loop, 2)
    loop.open("b")
    annotate(loop, 2)
    loop.open("c")
    annotate(loop, 2)
    files["a"].rename(tmp_path / "images" / "renamed.tif")
    files["b"].unlink()
    said: list[str] = []
    task = prepared(loop)
    trained = task.run(lambda report: said.append(report.message), never)
    left_out = next(sentence for sentence in said if sentence)
    assert "“a”, “b”" in left_out
    assert left_out in trained.sentences
    assert set(task.revisions) == {loop.id_of("c")}
    read_picture(loop.project, loop.project.image(loop.id_of("a")), tmp_path / "images" / "renamed.tif")
    assert [image.name for image in found_in(prepared(loop))[0]] == ["a", "c"]

    tifffile.imwrite(files["b"], np.zeros((10, 10), np.uint8))
    with pytest.raises(UserError, match="10 × 10 px now and was 64 × 80"):
        read_picture(loop.project, loop.project.image(loop.id_of("b")), files["b"])
    loop.project.image(loop.id_of("b")).relocate(files["b"])
    loop.open("a")
    session.annotating.start(LabelsAre.CLASSES)
    loop.paint((1, 1), 2)
    loop.open("c")
    _, found = found_in(prepared(loop))
    assert any("holds classes, the open image objects" in sentence for sentence in found.sentences)
    assert any("“b” is left out" in sentence for sentence in found.sentences)


def test_images_moved_together_are_found_together(files, tmp_path, loop):
    away = (tmp_path / "images").rename(tmp_path / "away")
    read_picture(loop.project, loop.project.image(loop.id_of("a")), away / "a.tif")
    assert read_picture(loop.project, loop.project.image(loop.id_of("c"))).file == away / "c.tif"


def test_channels_and_colours_train_as_they_were_shown(tmp_path):
    grey, colour = tmp_path / "grey.tif", tmp_path / "colour.tif"
    channels = np.random.default_rng(0).integers(0, 200, (3, 40, 50)).astype(np.uint16)
    tifffile.imwrite(grey, channels, imagej=True, metadata={"axes": "CYX"})
    tifffile.imwrite(colour, np.stack([channels[0].astype(np.uint8)] * 3, -1), photometric="rgb")
    with Project.create(tmp_path / "project") as project:
        ids = add_files(project, [grey, colour], nothing, never).ids
        entries = [project.image(image_id) for image_id in ids]
        two = source_of(read_picture(project, entries[0]).content, entries[0].description, [2, 0])
        np.testing.assert_array_equal(two.plane(()), channels[[2, 0]])
        all_three = source_of(read_picture(project, entries[0]).content, entries[0].description, ["x"])
        assert all_three.n_channels == 3
        described = entries[1].description.model_copy(
            update={"rgb": True, "shape": (40, 50, 3), "channel_axis": 2}
        )
        entries[1].__dict__["_described"] = described  # as napari showed it
        assert source_of(read_picture(project, entries[1]).content, described).n_channels == 3
        planes = entries[0].description.model_copy(
            update={"axes": "ZYX", "shape": (3, 40, 50), "channel_axis": None}
        )
        entries[0].__dict__["_described"] = planes
        assert source_of(read_picture(project, entries[0]).content, planes).spatial_shape == (3, 40, 50)


def test_choices_for_the_next_training_are_the_projects(tmp_path, loop):
    loop.session.annotating.start(LabelsAre.OBJECTS)
    chosen = TrainingChoices(
        start="scratch", budget="steps", steps=70, settings={"preset": "ronneberger2015"}
    )
    loop.session.state.training_choices = chosen
    loop.keeper.keep_settings()
    loop.open("b")
    assert loop.session.state.training_choices == chosen
    loop.end()
    again = Loop(tmp_path / "project")
    again.open("c")
    assert again.session.state.training_choices == chosen
    assert chosen.training_settings().preset == "ronneberger2015"
    again.end()


def test_choices_that_somebody_changed_are_the_defaults():
    assert TrainingChoices.read({"budget": -1}) == TrainingChoices()
    assert TrainingChoices.read("?") == TrainingChoices()
    away = TrainingChoices(steps=70, run_on="tcp://10.0.0.1:8786")
    assert "10.0.0.1" not in away.model_dump_json()
    hostile = {"steps": 70, "run_on": "tcp://10.0.0.1:8786"}
    assert TrainingChoices.read(hostile) == TrainingChoices(steps=70), "nobody is sent to an address unasked"
    assert TrainingChoices(settings={"preset": "?"}).training_settings().preset == "laptop"
