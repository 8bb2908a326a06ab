"""Files that are broken, or were made to do harm: one sentence, or what is left of them."""

import gzip
import json
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from painted import Box, a_project, paint, painted

from napari_unet.errors import UserError
from napari_unet.project import Project, chunks
from napari_unet.project.chunks import ChunkedArray
from napari_unet.project.disk import Disk
from napari_unet.project.documents import (
    ImageDescription,
    ProjectDocument,
    StateDocument,
    read_document,
)
from napari_unet.project.journal import Journal
from napari_unet.project.records import MAGIC, Note, Record, Stroke, decode, encode, pack
from napari_unet.project.rounds import RoundDocument

RECORDS = [
    Record(1, Note("place", b"[1, 2]")),
    *(Record(2 + k, s) for k, s in enumerate(pack("annotation", 0, (3, 4), np.arange(12).reshape(3, 4)))),
    Record(3, Note("place", b"[3, 4]")),
]
CONTENT = b"".join(map(encode, RECORDS))
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def sequences(content: bytes) -> list[int]:
    return [record.sequence for record in decode(content)]


def test_a_journal_torn_at_every_byte_keeps_the_whole_records():
    ends = np.cumsum([len(encode(record)) for record in RECORDS])
    for length in range(len(CONTENT) + 1):
        assert sequences(CONTENT[:length]) == [1, 2, 3][: int((ends <= length).sum())]


@quick
@given(place=st.integers(0, len(CONTENT) - 1), bit=st.integers(0, 7))
def test_one_wrong_bit_costs_one_record(place, bit):
    broken = bytearray(CONTENT)
    broken[place] ^= 1 << bit
    left = sequences(bytes(broken))
    assert len(left) == 2
    assert set(left) <= {1, 2, 3}


@quick
@given(st.binary(max_size=300) | st.lists(st.sampled_from([MAGIC, CONTENT[:30], b"\xff" * 8])).map(b"".join))
def test_nonsense_is_no_record(content):
    assert set(sequences(content + CONTENT)) <= {1, 2, 3}


def test_a_file_made_to_waste_time_is_left_soon():
    content = (MAGIC + b"\x00\x00\x10\x00" + b"1234") * 100_000
    assert sequences(content) == []


def test_an_action_of_which_a_part_is_missing_does_not_count(tmp_path):
    journal = Journal(Disk(), tmp_path / "journal")
    note = Note("place", b"1")
    records = [Record(1, note), Record(2, note, more=True), Record(3, note), Record(4, note, more=True)]
    journal.append(records)
    assert [r.sequence for r in journal.read()] == [1, 2, 3]
    journal.append(records[1:3])
    assert [r.sequence for r in journal.read(after=1)] == [2, 3], "twice is once"
    other = Journal(Disk(), tmp_path / "other")
    other.append([records[0], records[2]])
    other.append([Record(5, note)])
    assert [r.sequence for r in other.read()] == [1, 3, 5]


def test_values_are_not_unpacked_beyond_their_box():
    bomb = Stroke("annotation", 0, (0, 0), (2, 2), zlib.compress(bytes(10**8)))
    with pytest.raises(UserError, match="another number of pixels"):
        bomb.values()
    with pytest.raises(UserError, match="cannot be unpacked"):
        Stroke("annotation", 0, (0, 0), (2, 2), b"nonsense").values()
    assert not Stroke("annotation", 0, (0, 5), (2, 2), b"").fits((6, 6))
    assert not Stroke("annotation", 0, (0,), (2,), b"").fits((6, 6))


def test_strokes_on_an_array_that_never_came_do_not_hold_up_the_others(tmp_path):
    """The process died while a new annotation was being written; strokes on it were in the journal already."""
    project, entry = a_project(tmp_path / "project")
    project.close()
    packed = zlib.compress(bytes(4))
    lost = Stroke("annotation", 7, (0, 0, 0), (1, 1, 1), packed)
    Journal(Disk(), entry.folder / "journal").append([Record(entry.sequence + 1, lost)])
    box = Box((0, 1, 1), (1, 5, 5), 4)
    with Project.open(project.folder) as project:
        entry = project.image(entry.id)
        entry.open()
        paint(entry, box)
    assert not list((entry.folder / "journal").iterdir()), "all of it is in the chunks"
    with Project.open(project.folder) as project:
        state = project.image(entry.id).open()
    np.testing.assert_array_equal(state.arrays["annotation"], painted([box]))


def test_what_a_crash_left_after_another_array_came_is_tidied(tmp_path):
    """The process died before the description named the new array and the old one was removed."""
    project, entry = a_project(tmp_path / "project")
    assert project.flush()
    folder = entry.folder / "labels.zarr" / "annotation"
    old = (folder / "zarr.json").read_bytes()
    box = Box((0, 1, 1), (1, 5, 5), 4)
    entry.replace_array("annotation", painted([box]))
    project.close()
    (folder / "zarr.json").write_bytes(old)
    (folder / "0").mkdir()
    (folder / "7").mkdir()
    with Project.open(project.folder) as project:
        project.image(entry.id).open()
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["1"]
    label = zarr.open_group(folder, mode="r")
    path = label.attrs["ome"]["multiscales"][0]["datasets"][0]["path"]
    np.testing.assert_array_equal(label[path][...], painted([box]))


def test_strokes_that_cannot_be_used_are_left_out(tmp_path):
    project, entry = a_project(tmp_path / "project")
    paint(entry, Box((0, 1, 1), (1, 5, 5), 4))
    project.close()
    journal = Journal(Disk(), entry.folder / "journal")
    packed = zlib.compress(bytes(4))
    for number, stroke in enumerate(
        [
            Stroke("annotation", 0, (0, 0, 2**30), (1, 1, 1), packed),
            Stroke("annotation", 0, (0, 0), (1, 1), packed),
            Stroke("annotation", 0, (0, 0, 0), (1, 60, 70), packed),
            Stroke("other", 7, (0, 0, 0), (1, 1, 1), packed),
            Note("place", b"[" * 100_000),
            Note("fine", b"1"),
        ]
    ):
        journal.append([Record(1000 + number, stroke)])
    with Project.open(tmp_path / "project") as again:
        state = again.image(entry.id).open()
    np.testing.assert_array_equal(state.arrays["annotation"], painted([Box((0, 1, 1), (1, 5, 5), 4)]))
    assert state.notes == {"fine": 1}


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c[: len(c) // 2],
        lambda c: b"",
        lambda c: b"nonsense",
        lambda c: gzip.compress(bytes(10**8)),
        lambda c: c[:20] + bytes([c[20] ^ 255]) + c[21:],
        lambda c: gzip.compress(bytes(17)),
    ],
    ids=["torn", "empty", "nonsense", "bomb", "bit", "short"],
)
def test_a_damaged_chunk_is_said_and_set_aside(tmp_path, damage):
    project, entry = a_project(tmp_path / "project", shape=(20, 600))
    paint(entry, Box((0, 0), (20, 600), 3))
    project.close()
    path = entry.folder / "labels.zarr" / "annotation" / "0" / "c" / "0" / "0"
    path.write_bytes(damage(path.read_bytes()))
    with Project.open(tmp_path / "project") as again:
        entry = again.image(entry.id)
        state = entry.open()
        assert "1 part(s) of the annotation were damaged" in state.sentences[0]
        assert not state.arrays["annotation"][:, :512].any()
        assert (state.arrays["annotation"][:, 512:] == 3).all()
        paint(entry, Box((0, 0), (5, 5), 8))
    with Project.open(tmp_path / "project") as again:
        state = again.image(entry.id).open()
        assert state.sentences == ()
        assert state.arrays["annotation"][4, 4] == 8
    assert path.with_name("0.damaged").exists()


def test_files_that_are_no_chunks_are_left_alone(tmp_path):
    array = ChunkedArray(Disk(), tmp_path, (5, 5))
    for name in ("7/0", "0/00", "0/-1", "x/0", "0/0/0", "0/0.damaged", "0/²"):
        (tmp_path / "c" / name).parent.mkdir(parents=True, exist_ok=True) if "0/0/" not in name else None
        if "0/0/" not in name:
            (tmp_path / "c" / name).write_bytes(b"nonsense")
    read, damaged = array.read()
    assert damaged == []
    assert not read.any()


def test_an_image_larger_than_memory_is_a_sentence(tmp_path, monkeypatch):
    def no_memory(*_):
        raise MemoryError

    monkeypatch.setattr(chunks.np, "zeros", no_memory)
    with pytest.raises(UserError, match="more than there is"):
        ChunkedArray(Disk(), tmp_path, (5, 5)).read()


VALID = {
    ProjectDocument: {"name": "n", "created": "now"},
    ImageDescription: {"name": "n", "axes": "YX", "shape": [5, 5], "dtype": "uint8"},
    StateDocument: {},
}


@pytest.mark.parametrize(
    ("kind", "changed", "words"),
    [
        (ProjectDocument, {"schema_version": 3}, "newer napari-unet: update"),
        (ProjectDocument, {"schema_version": -1}, "damaged or not from napari-unet"),
        (ImageDescription, {"schema_version": 3}, "newer napari-unet: update"),
        (ProjectDocument, {"images": [{"id": "../../etc", "name": ""}]}, "images.0.id"),
        (ProjectDocument, {"images": [{"id": "/etc", "name": ""}]}, "images.0.id"),
        (ProjectDocument, {"images": [{"id": "a\n", "name": ""}]}, "images.0.id"),
        (ProjectDocument, {"images": [{"id": "a", "name": ""}] * 2}, "one id"),
        (ProjectDocument, {"surprise": 1}, "surprise"),
        (ImageDescription, {"shape": [2**31, 2**31]}, "larger than any"),
        (ImageDescription, {"shape": [0, 5]}, "shape.0"),
        (ImageDescription, {"shape": [5, 5, 5]}, "different lengths"),
        (ImageDescription, {"dtype": "object"}, "dtype"),
        (ImageDescription, {"channel_axis": 2}, "channel axis"),
        (ImageDescription, {"scale": [1.0]}, "scale"),
        (ImageDescription, {"file": {"path": "a\0", "size": 1, "mtime_ns": 0, "digest": "0" * 64}}, "null"),
        (StateDocument, {"generations": {"../x": 1}}, "generations"),
        (StateDocument, {"generations": {"annotation": -1}}, "generations"),
    ],
)
def test_documents_are_checked(tmp_path, kind, changed, words):
    path = tmp_path / "project.json"
    path.write_text(json.dumps(VALID[kind]))
    read_document(Disk(), path, kind)
    path.write_text(json.dumps(VALID[kind] | changed))
    with pytest.raises(UserError, match=words):
        read_document(Disk(), path, kind)


def test_documents_without_end(tmp_path, monkeypatch):
    path = tmp_path / "project.json"
    path.write_bytes(b"[" * 1_000_000)
    with pytest.raises(UserError, match="damaged"):
        read_document(Disk(), path, ProjectDocument)
    monkeypatch.setattr("napari_unet.project.documents.MOST_BYTES", 1000)
    with pytest.raises(UserError, match="larger than such a file ever is"):
        read_document(Disk(), path, ProjectDocument)
    with pytest.raises(UserError, match="could not be read"):
        read_document(Disk(), tmp_path / "none.json", ProjectDocument)


@quick
@given(
    kind=st.sampled_from([ProjectDocument, ImageDescription, StateDocument, RoundDocument]),
    content=st.binary(max_size=100)
    | st.recursive(
        st.none() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    ).map(lambda value: json.dumps(value).encode()),
)
def test_any_json_is_a_document_or_a_sentence(tmp_path, kind, content):
    path = Path(tmp_path, "any.json")
    path.write_bytes(content)
    with suppress(UserError):
        assert isinstance(read_document(Disk(), path, kind), kind)


def test_a_project_that_is_damaged_lets_others_have_it(tmp_path):
    Project.create(tmp_path / "project").close()
    path = tmp_path / "project" / "project.json"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"schema_version": 2', b'"schema_version": 99'))
    with pytest.raises(UserError, match="newer napari-unet"):
        Project.open(tmp_path / "project")
    path.write_bytes(whole)
    Project.open(tmp_path / "project").close()
