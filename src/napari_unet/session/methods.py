"""What a paper says about a network: only what stands in its model file, and in those it started from."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from napari_unet.network.model_file import Model, ModelDescription
from napari_unet.network.training_outcome import TrainingOutcome
from napari_unet.network.unet import n_parameters
from napari_unet.objects.separate import SeparationSettings, SplitMethod
from napari_unet.project.rounds import OutcomeDocument
from napari_unet.session.citations import Citations
from napari_unet.session.methods_training import learning, scores, start, trained

_SPLITS = {
    SplitMethod.COMPONENTS: "connected pixels are one object",
    SplitMethod.DISTANCE: "touching objects are cut at the necks of their outline, by a watershed",
    SplitMethod.PROBABILITY: "touching objects are cut along valleys of the probability, by a watershed",
    SplitMethod.LEARNED: "touching objects are cut by the distance that the network has learned, by a watershed",
}


def methods_paragraph(
    model: Model,
    outcome: OutcomeDocument | TrainingOutcome | None = None,
    earlier: Sequence[ModelDescription] = (),
    separation: SeparationSettings | None = None,
) -> str:
    """Return text for the methods section, with a list of references.

    Parameters
    ----------
    outcome
        Of its training, where that is known besides the model.
    earlier
        Networks of the same project, oldest first: the rounds it started from are told, too.
    separation
        How objects are made, in px² of the network, where the user changed what the model says.
    """
    cite, described = Citations(), model.description
    chain = ancestors(described, earlier)
    sentences = [
        _opening(described, cite),
        _network(model, cite),
        _seen(described),
        start(chain[0] if chain else described, cite),
        *(trained(each.training, None, cite, f"In “{each.name}”, the network") for each in chain),
        trained(described.training, outcome, cite, f"In “{described.name}”, it" if chain else "The network"),
        learning(described, outcome, cite),
        scores(described, outcome),
        _objects(described, separation),
    ]
    return " ".join(sentence for sentence in sentences if sentence) + "\n\n" + cite.listed() + "\n"


def ancestors(described: ModelDescription, earlier: Sequence[ModelDescription]) -> list[ModelDescription]:
    """Return the networks from which this one started, oldest first, as far as they are among the earlier ones."""
    chain: list[ModelDescription] = []
    wanted = described.training
    for other in reversed(earlier):
        if other.name == wanted.started_from and other.training.lineage == wanted.lineage:
            chain.insert(0, other)
            wanted = other.training
    return chain


def _opening(described: ModelDescription, cite: Citations) -> str:
    versions = dict(described.training.versions)
    used = [f"napari-unet {versions.pop('napari-unet')}" if "napari-unet" in versions else "napari-unet"]
    if "torch" in versions:
        used.append(f"PyTorch {versions.pop('torch')} {cite('torch')}")
    if "napari" in versions:
        used.append(f"napari {versions.pop('napari')} {cite('napari')}")
    used += [
        f"{name} {version}"
        for name, version in versions.items()
        if name in ("numpy", "scipy", "scikit-image")
    ]
    what = "Objects were segmented" if described.labels_are == "objects" else "Pixels were classified"
    return f"{what} with {', '.join(used)}."


def _network(model: Model, cite: Citations) -> str:
    described, config = model.description, model.description.network
    unet = cite("unet")  # named before what follows in the sentence
    parts = [
        f"{config.depth} down-samplings",
        f"{config.width} feature channels at the finest level",
        f"{'zero-padded' if config.padded else 'unpadded'} 3 × 3 convolutions",
    ]
    if config.normalisation == "batch":
        parts.append(f"batch normalisation {cite('batch')}")
    if config.dropout:
        parts.append(f"drop-out of {config.dropout:g}")
    parts.append(f"{n_parameters(model.network):,} trainable parameters")
    names = f" ({', '.join(described.class_names)})" if described.class_names else ""
    outputs = f"one probability for each of {config.classes} classes{names}, background included"
    if config.distance:
        outputs += ", and the distance to the border of the object"
    return f"The network is a U-Net {unet} with {', '.join(parts)}; it gives {outputs}."


def _seen(described: ModelDescription) -> str:
    n = described.network.in_channels
    channels = "red, green and blue" if described.rgb else f"{n} channel{'s' * (n > 1)}"
    is_own = described.normalisation.mode == "per image"
    grey = "by each image's own range" if is_own else "by the range of the training images"
    sentence = f"It sees {channels}, with grey values normalised {grey}"
    if described.labels_are == "objects":
        sizes = (
            [f"{described.object_size_image:.3g} px in the training images"]
            if described.object_size_image
            else []
        )
        sizes += [f"{described.object_size_um:.3g} µm"] if described.object_size_um else []
        measured = f" ({', '.join(sizes)})" if sizes else ""
        size = f"a diameter of {described.object_size:.3g} px{measured}"
        sentence += f", at a resolution at which a typical object has {size}"
    if described.magnification == "per image":
        return f"{sentence}, so that every image is resampled by the size of its own objects."
    return f"{sentence}; images were resampled by a factor of {described.scale:.3g}."


def _objects(described: ModelDescription, separation: SeparationSettings | None) -> str:
    if described.labels_are != "objects":
        return "Each pixel was given its most probable class."
    try:
        used = separation or SeparationSettings.model_validate(described.separation)
    except ValidationError:
        return ""
    origin = (
        "set by hand"
        if separation is not None and not _is_fitted(separation, described)
        else "fitted on the annotation"
    )
    holes = ", and holes in them were filled" if used.fill_holes else ""
    pixels = (
        f"reach a probability of {used.threshold:.2g} and end where it falls to {used.own_border:.2g} of their own peak"
        if used.own_border
        else f"are pixels with a probability of at least {used.threshold:.2g}"
    )
    return (
        f"Objects {pixels}; {_SPLITS[used.method]}; "
        f"objects below {used.smallest:.3g} px² at the network's resolution were removed or joined to the one that "
        f"they touch{holes} ({origin})."
    )


def _is_fitted(separation: SeparationSettings, described: ModelDescription) -> bool:
    try:
        return SeparationSettings.model_validate(described.separation) == separation
    except ValidationError:
        return False
