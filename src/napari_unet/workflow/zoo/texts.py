"""What a package says to people."""

from __future__ import annotations

from napari_unet.network.model_file import ModelDescription
from napari_unet.workflow.zoo.about import About


def tags(description: ModelDescription) -> list[str]:
    """Return words by which a network is found."""
    kind = "instance-segmentation" if description.labels_are == "objects" else "semantic-segmentation"
    return ["unet", "2d", "pytorch", "segmentation", kind, "napari-unet"]


def documentation(description: ModelDescription, about: About) -> str:
    """Return the page that goes along with a network."""
    config, training = description.network, description.training
    classes = ", ".join(description.class_names) or (
        "background, foreground" if config.classes == 2 else f"background and {config.classes - 1} more"
    )
    grey = (
        "each image by its own 0.5 and 99.8 percentiles per channel"
        if description.normalisation.mode == "per image"
        else "by the grey range of the training images"
    )
    lines = [
        f"# {about.name}",
        "",
        about.description,
        *(["", about.notes.strip()] if about.notes.strip() else []),
        "",
        "## Input and output",
        "",
        f"An image of {config.in_channels} channel(s) at a scale at which objects are about "
        f"{description.object_size:.0f} px in diameter: resample yours before. It is normalised {grey}.",
        "",
        f"The output holds a probability per class ({classes})"
        + (", and last how deep inside its object a pixel lies (0 to 1)." if config.distance else "."),
        "",
        "## How it was made",
        "",
        f"A U-Net of depth {config.depth} and width {config.width}, made with napari-unet.",
    ]
    if description.object_size_um:
        lines.append(f"Objects in training were about {description.object_size_um:.3g} µm in diameter.")
    if training.started_from:
        lines.append(f"It started from: {training.started_from}.")
    if training.steps:
        lines.append(f"It was trained for {training.steps} steps on {len(training.images)} image(s).")
    lines += ["", "## Validation", ""]
    if training.scores:
        lines.append("In places that no patch of the training lay on:")
        lines += ["", *(f"- {name}: {value:.3f}" for name, value in training.scores.items())]
    else:
        lines.append(
            "Not measured: compare its result with what you know of your images before you trust it."
        )
    return "\n".join(lines) + "\n"
