"""Projects: what is painted, trained and said is on disk within a second, and readable without us.

No Qt, no session. Three ways in: `Project`, `ImageEntry`, and the functions of `recovery`.
"""

from napari_unet.project.documents import FileReference, ImageDescription, ImageSummary, Progress
from napari_unet.project.image_entry import ImageEntry
from napari_unet.project.image_file import refer_to
from napari_unet.project.image_store import ImageState
from napari_unet.project.probabilities import PlaneProbabilities
from napari_unet.project.project import Project
from napari_unet.project.refusals import ImageMissing, LargeImage, NotSaved, ProjectLocked
from napari_unet.project.rounds import KeptRound, OutcomeDocument, RoundDocument, TallyDocument
from napari_unet.project.writer import Saved

__all__ = [
    "FileReference",
    "ImageDescription",
    "ImageEntry",
    "ImageMissing",
    "ImageState",
    "ImageSummary",
    "KeptRound",
    "LargeImage",
    "NotSaved",
    "OutcomeDocument",
    "PlaneProbabilities",
    "Progress",
    "Project",
    "ProjectLocked",
    "RoundDocument",
    "Saved",
    "TallyDocument",
    "refer_to",
]
