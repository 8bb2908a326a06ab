"""The methods paragraph says what was kept, and only that."""

import re
from pathlib import Path

import pytest
from test_replaying import _a_clock_that_nobody_can_repeat, trained  # noqa: F401  (a project of two rounds)

from napari_unet.network.bundled import load_bundled
from napari_unet.network.model_file import Model, Provenance
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.objects.separate import SeparationSettings
from napari_unet.session.citations import CITATIONS
from napari_unet.session.methods import methods_paragraph


def changed(model: Model, **training) -> Model:
    description = model.description
    return Model(
        description.model_copy(update={"training": description.training.model_copy(update=training)}),
        model.network,
    )


@pytest.fixture(scope="module")
def mine() -> Model:
    """The bundled network's weights, as if they were of a training of the user's."""
    training = Provenance(
        lineage="mine",
        started_from="bundled",
        seed=7,
        steps=300,
        minutes=2.03,
        threads=3,
        device="cpu",
        versions={"napari-unet": "0.1.0", "torch": "2.7.1", "napari": "0.6.2"},
        images=("cells",),
        annotated={"images": 1, "objects": 14, "regions": 1, "pixels": 12345},
        settings=TrainingSettings().model_dump(mode="json"),
        held_out=(("cells", (0, 50, 0, 50)),),
        scores={"score": 0.8, "F1": 0.85, "IoU": 0.75},
    )
    bundled = load_bundled()
    update = {"name": "Round 1", "training": training, "object_size_image": 33.0}
    return Model(bundled.description.model_copy(update=update), bundled.network)


def references(text: str) -> list[str]:
    return re.findall(r"^\[\d+\] (\w+)", text, re.MULTILINE)


def test_what_was_kept_is_said(mine):
    text = methods_paragraph(mine)
    for words in (
        "napari-unet 0.1.0",
        "PyTorch 2.7.1",
        "napari 0.6.2",
        "4 down-samplings, 16 feature channels",
        "1,9",
        "comes with napari-unet 0.1.0, which was taught in 14,341 steps with generated images",
        "on 1 annotated image or plane (14 objects, 1 region, 12,345 pixels; held-out places included), "
        "for 300 steps, in 2.03 minutes, on a processor with 3 threads, with the random seed 7.",
        "8 patches of 96 × 96 px",
        "learning rate that rose to 0.003",
        "w0 = 10, σ = 5 px",
        "turned by up to 180°",
        "In 1 held-out place of the annotation",
        "F1 of objects at an IoU of 0.5: 0.850; IoU of the foreground: 0.750.",
        "The same places decided which weights were kept",
        "reach a probability of 0.8 and end where it falls to 0.6 of their own peak",
        "33 px in the training images",
    ):
        assert words in text, words
    numbers = {int(n) for marks in re.findall(r"\[([\d, ]+)\]", text) for n in marks.split(", ")}
    assert numbers == set(range(1, len(references(text)) + 1)), (
        "every reference is named, every mark is explained"
    )


def test_only_what_was_used_is_cited(mine):
    assert references(methods_paragraph(mine)).count("Caicedo") == 1
    assert "Lin" not in references(methods_paragraph(mine))
    scratch = methods_paragraph(changed(mine, started_from="scratch"))
    assert "Lin" in references(scratch)
    assert "Caicedo" not in references(scratch)
    settings = {"weight_map": {"preset": "falk2019"}, "optimiser": "sgd"}
    other = TrainingSettings.model_validate(settings).model_dump(mode="json")
    sgd = references(methods_paragraph(changed(mine, settings=other)))
    assert "Loshchilov" not in sgd
    assert "Falk" in sgd


def test_what_is_not_known_is_not_said(mine):
    old = methods_paragraph(changed(mine, versions={"napari-unet": "0.0.1"}))
    assert "comes with napari-unet 0.0.1." in old
    assert "generated images" not in old, "what another version's network was taught with is not known"
    bare = methods_paragraph(changed(mine, settings={}, scores={}, annotated={}, minutes=None, seed=None))
    assert "patches of" not in bare
    assert "the random seed" not in bare
    assert "No part of the annotation was held out" in bare
    assert "{" not in bare
    assert "None" not in bare
    assert "until it was stopped" not in bare


def test_rounds_that_it_started_from_are_told(mine):
    second = changed(mine, started_from="Round 1", annotated={"images": 2, "objects": 30, "pixels": 99999})
    second = Model(second.description.model_copy(update={"name": "Round 2"}), second.network)
    text = methods_paragraph(second, earlier=[mine.description])
    assert text.index("comes with napari-unet") < text.index(
        "In “Round 1”, the network was trained on 1 annotated"
    )
    assert "In “Round 2”, it was trained on 2 annotated images or planes (30 objects, 99,999 pixels;" in text
    assert "Training started from the model “Round 1”." in methods_paragraph(second)


def test_a_separation_that_was_changed_is_said(mine):
    text = methods_paragraph(mine, separation=SeparationSettings(threshold=0.33))
    assert "at least 0.33" in text
    assert "(set by hand)" in text
    assert "(fitted on the annotation)" in methods_paragraph(mine)


def test_the_rounds_of_a_project_in_the_shell(trained: Path, tmp_path):  # noqa: F811
    from typer.testing import CliRunner

    from napari_unet.cli import app

    project = str(trained / "project")
    for arguments, words in (
        (["methods", project], "In “Round 1”, the network was trained"),
        (["methods", project, "--round", "1"], "random weights drawn as in [1]"),
        (["methods", f"{project}/rounds/0002.safetensors"], "from the model “Round 1”"),
    ):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.stderr
        assert words.replace("[1]", "[") in done.stdout.replace("[1]", "[").replace("[2]", "[").replace(
            "[3]", "["
        )
    for arguments in (["methods", project, "--round", "9"], ["methods", str(tmp_path)], ["methods", "none"]):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 1
        assert done.stderr.startswith("Error: ")


def test_citations_are_whole():
    assert all(re.search(r"\((19|20)\d\d\)\. ", citation) for citation in CITATIONS.values())
