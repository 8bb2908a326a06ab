"""What a paper says about how a network was trained."""

from __future__ import annotations

from pydantic import ValidationError

import napari_unet
from napari_unet.network.bundled import BUNDLED, load_bundled
from napari_unet.network.model_file import ModelDescription, Provenance
from napari_unet.network.training_outcome import TrainingOutcome
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.project.rounds import OutcomeDocument
from napari_unet.session.citations import Citations

_SCORES = {
    "F1": "F1 of objects at an IoU of 0.5",
    "IoU": "IoU of the foreground",
    "mean IoU": "mean IoU of the classes",
}


def start(first: ModelDescription, cite: Citations) -> str:
    """Say what the first of the trainings started from."""
    training = first.training
    if training.started_from == "scratch":
        sentence = f"Training started from random weights drawn as in {cite('unet')}"
        settings = _settings(training)
        if settings is not None and settings.preset == "laptop" and first.labels_are == "objects":
            sentence += f", with a bias that makes background likely {cite('prior')}"
        return f"{sentence}."
    if training.started_from == BUNDLED:
        return _bundled(training, cite)
    return f"Training started from the model “{training.started_from}”." if training.started_from else ""


def _bundled(training: Provenance, cite: Citations) -> str:
    version = training.versions.get("napari-unet", "")
    sentence = f"Training started from the network that comes with napari-unet {version}".rstrip()
    if version != napari_unet.__version__:  # what was in another version is not known here
        return f"{sentence}."
    known = load_bundled().description.training
    keys = {"Data Science Bowl": ("bowl", "bbbc"), "axondeepseg": ("axons",)}
    data = [
        f"{name} {cite(*found)}" if (found := next((k for w, k in keys.items() if w in name), None)) else name
        for name in known.images
    ]
    steps = f" in {known.steps:,} steps" if known.steps else ""
    return f"{sentence}, which was taught{steps} with {'; '.join(data)}."


def trained(
    training: Provenance, outcome: OutcomeDocument | TrainingOutcome | None, cite: Citations, who: str
) -> str:
    """Say on what, for how long and where a network was trained."""
    facts = []
    if training.annotated:
        facts.append(f"on {_counted(training)}")
    if training.steps is not None:
        facts.append(f"for {training.steps:,} step{'s' * (training.steps != 1)}")
    if training.minutes is not None:
        facts.append(f"in {training.minutes:.3g} minutes")
    if training.device:
        threads = (
            f" with {training.threads} thread{'s' * (training.threads != 1)}" if training.threads else ""
        )
        where = {"cpu": f"a processor{threads}", "cuda": "an NVIDIA graphics card", "mps": "Apple graphics"}
        facts.append(f"on {where.get(training.device, training.device)}")
    if training.seed is not None:
        facts.append(f"with the random seed {training.seed}")
    ended = ", until it was stopped by hand" if outcome is not None and outcome.stopped else ""
    return f"{who} was trained {', '.join(facts)}{ended}." if facts else ""


def learning(
    described: ModelDescription, outcome: OutcomeDocument | TrainingOutcome | None, cite: Citations
) -> str:
    """Say how the weights were changed; nothing where the settings were not kept."""
    settings = _settings(described.training)
    if settings is None:
        return ""
    recipe = settings.recipe()
    side = outcome.patch_size if outcome is not None else recipe.patch_size
    n = outcome.batch_size if outcome is not None else recipe.batch_size
    optimiser = (
        f"AdamW {cite('adamw')}" if recipe.optimiser == "adamw" else "gradient descent (momentum 0.99)"
    )
    is_open = settings.minutes is None and settings.steps is None
    rate = (
        f"a learning rate of {recipe.learning_rate / 2:g}"
        if is_open
        else f"a learning rate that rose to {recipe.learning_rate:g} and then fell along a cosine"
    )
    weights = settings.weight_map
    loss = "The loss is the cross-entropy, each pixel weighted"
    loss += f" as in {cite('falk' if weights.preset == 'falk2019' else 'unet')}"
    loss += f" (w0 = {weights.w0:g}, σ = {weights.sigma:g} px)" if weights.w0 else ""
    if weights.preset == "ronneberger2015" and weights.balance_classes:
        loss += f", with the classes' balance taken back in the output {cite('adjustment')}"
    if described.network.distance:
        loss += f", plus the loss of the distance (times {settings.distance_weight:g})"
    varied = _varied(settings, cite)
    kept = f"The weights that were kept are a mean over the last part of the steps {cite('average')}."
    if outcome is not None and outcome.best_step == 0:
        kept = "The weights that were kept are those it started from: no later ones scored higher."
    return (
        f"Each step saw {n} patch{'es' * (n != 1)} of {side} × {side} px, with {optimiser} and {rate}. {loss}. "
        f"{varied}{kept}"
    )


def _varied(settings: TrainingSettings, cite: Citations) -> str:
    a = settings.augmentation
    elastic = (
        f"bent elastically {cite('unet', 'falk')} (σ = {a.elastic_sigma:g} px)" if a.elastic_sigma else ""
    )
    ways = [
        ("mirrored", a.flips),
        (f"turned by up to {a.rotation:g}°", a.rotation),
        (f"scaled by up to {a.scale:.0%}", a.scale),
        (elastic, a.elastic_sigma),
        (f"changed in brightness (up to {a.brightness:.0%})", a.brightness),
        (f"contrast (up to {a.contrast:.0%})", a.contrast),
        (f"gamma (e^±{a.gamma:g})", a.gamma),
        (f"noise (up to {a.noise:.0%})", a.noise),
        (f"blur (σ up to {a.blur:g} px)", a.blur),
    ]
    used = [words for words, strength in ways if strength]
    return f"Patches were varied at random: {', '.join(used)}. " if used else ""


def scores(described: ModelDescription, outcome: OutcomeDocument | TrainingOutcome | None) -> str:
    """Say how good it was where it never trained."""
    training = described.training
    if not training.scores:
        return "No part of the annotation was held out, so that nothing is known about its quality from it."
    said = [f"{_SCORES.get(name, name)}: {v:.3f}" for name, v in training.scores.items() if name != "score"]
    n = len(training.held_out)
    chose = " The same places decided which weights were kept"
    chose += f" (those of step {outcome.best_step})." if outcome is not None else "."
    return (
        f"In {n} held-out place{'s' * (n != 1)} of the annotation, of which the network never saw a patch: "
        f"{'; '.join(said)}.{chose}"
    )


def _counted(training: Provenance) -> str:
    """Return such as "2 annotated images or planes (14 objects, 1 region, 12,345 pixels)"."""
    annotated, kinds = training.annotated, {"objects": "object", "classes": "class", "regions": "region"}
    inside = [
        f"{annotated[what]:,} {what if annotated[what] != 1 else one}"
        for what, one in (kinds | {"pixels": "pixel"}).items()
        if annotated.get(what)
    ]
    n, held_out = annotated.get("images", 0), "; held-out places included" if training.held_out else ""
    return f"{n} annotated image{'s' * (n != 1)} or plane{'s' * (n != 1)} ({', '.join(inside)}{held_out})"


def _settings(training: Provenance) -> TrainingSettings | None:
    """Return the settings, ``None`` where none were kept or they are of another version."""
    try:
        return TrainingSettings.model_validate(training.settings) if training.settings else None
    except ValidationError:
        return None
