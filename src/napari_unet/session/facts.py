"""What is chosen and what there is in a session, in numbers: no names, no pixels."""

from __future__ import annotations

from pydantic import JsonValue

from napari_unet.annotation.boxes import values_present
from napari_unet.annotation.coding import FIRST
from napari_unet.session.session import Session


def describe_session(session: Session) -> dict[str, JsonValue]:
    """Return what a report of a problem tells about a session; only reads, in any thread."""
    image, painting, state = session.image, session.painting, session.state
    facts: dict[str, JsonValue] = {
        "object size set by the user": state.object_size_override,
        "separation": session.separating.settings.model_dump(mode="json"),
        "device": state.device,
    }
    if image is not None:
        facts["image"] = {
            "shape": [int(n) for n in image.data.shape],
            "dtype": str(image.data.dtype),
            "kind": type(image.data).__name__,
            "channel axis": image.channel_axis,
            "channels": list(state.channels),
            "rgb": image.rgb,
            "pixel size in µm": image.pixel_size_um,
        }
    if painting is not None:
        facts["annotation"] = {
            "of": painting.labels_are.value,
            "values": len(values_present(painting.labels, FIRST)),
            "planes": len(painting.annotated_planes()),
            "regions": len(painting.regions),
            "classes": len(painting.class_names),
            "objects with a class": len(painting.object_classes),
            "objects said to be complete": len(painting.marked),
        }
    facts["rounds"] = [
        {
            "number": done.number,
            "in use": done is session.current,
            "network": done.description.network.model_dump(mode="json"),
            "trained": done.description.training.model_dump(
                mode="json", exclude={"images", "held_out", "trained", "lineage"}
            ),
            "sentences": list(done.sentences),
        }
        for done in session.rounds.all
    ]
    return facts
