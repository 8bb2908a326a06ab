"""The formulas of the weight map and their settings: functions of d1 and d2, and the local border term.

Sources: Ronneberger, Fischer, Brox 2015 (arXiv 1505.04597), equation 2, and Falk et al. 2019 (Nature Methods
16, supplement). d1 and d2 are the Euclidean distances, in pixels that the network sees and between pixel
centres, to the nearest and to the second nearest complete object, measured before the separating gap is cut:
d1 = 0 on an object's own pixels, and d2 is infinite when there is one object only.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from napari_unet.annotation.boxes import Box
from napari_unet.annotation.distances import Spacing, two_nearest
from napari_unet.errors import UserError

Floats = NDArray[np.float32]

_TAIL_OF_PEAK = 1e-4
_TAIL = 9e-4
"""A term is left out where it falls under 1e-4 of its peak and under this, so that a map is exact to 1e-3."""


class WeightMapSettings(BaseModel):
    """How strongly the pixels between two objects weigh in the loss."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Literal["ronneberger2015", "falk2019"] = Field(
        default="ronneberger2015",
        title="Formula",
        description="Ronneberger 2015: w = w_c + w0·exp(−(d1 + d2)²/2σ²). Falk 2019: objects 1, "
        "background v + w0·exp(−(d1 + d2)²/2σ²) + (1 − v)·exp(−d1²/2σ_bal²).",
    )
    w0: float = Field(
        default=10.0,
        ge=0,
        le=10_000,
        title="Border weight w0",
        description="How much more a pixel between two touching objects weighs (w0 of Ronneberger 2015, λ of "
        "Falk 2019). Higher separates touching objects more strongly; 0 switches the border weight off.",
    )
    sigma: float = Field(
        default=5.0,
        gt=0,
        le=1000,
        title="Border width σ",
        description="How far apart two objects still feel each other, in pixels of the network.",
    )
    v: float = Field(
        default=0.1,
        ge=0,
        le=1,
        title="Far background v",
        description="Weight of background far from every object (Falk 2019 only).",
    )
    sigma_balance: float = Field(
        default=10.0,
        gt=0,
        le=1000,
        title="Background width σ_bal",
        description="How fast the weight of background falls with the distance to the nearest object, in "
        "pixels of the network (Falk 2019 only).",
    )
    balance_classes: bool = Field(
        default=True,
        title="Balance classes",
        description="Give rare classes more weight: inverse frequency over the annotated pixels, mean 1 "
        "(w_c of Ronneberger 2015 only).",
    )
    corrections: float = Field(
        default=2.0,
        ge=1,
        le=100,
        title="Corrections count",
        description="How many times as much what you corrected in a segmentation weighs and how many times as often it "
        "is looked at, compared with what you painted or accepted; the border weight between two objects that you "
        "split is raised as much. 1: no more than the rest.",
    )

    @classmethod
    def ronneberger2015(cls) -> "WeightMapSettings":
        """Return the paper's values: w0 = 10, σ = 5 px, balanced classes."""
        return cls()

    @classmethod
    def falk2019(cls) -> "WeightMapSettings":
        """Return the Fiji plugin's values: λ = 50, σ_sep = 6 px, v = 0.1, σ_bal = 10 px."""
        return cls(preset="falk2019", w0=50.0, sigma=6.0)

    @property
    def border_reach(self) -> float:
        """The d1 + d2 in network pixels beyond which the border term is 0."""
        return _reach(self.w0, self.sigma)

    @property
    def balance_reach(self) -> float:
        """The d1 in network pixels beyond which Falk's balance term is 0; 0 for Ronneberger, who has none."""
        return _reach(1 - self.v, self.sigma_balance) if self.preset == "falk2019" else 0.0


def border_of(d1: Floats, d2: Floats, settings: WeightMapSettings) -> Floats:
    """Return w0·exp(−(d1 + d2)²/(2σ²)), the border term of both presets."""
    exponent = np.square(np.add(d1, d2)) * np.float32(-0.5 / settings.sigma**2)
    weight: Floats = np.exp(exponent, out=exponent)
    weight *= np.float32(settings.w0)
    return weight


def balance_of(d1: Floats, settings: WeightMapSettings) -> Floats:
    """Return (1 − v)·exp(−d1²/(2σ_bal²)), by which Falk's background weight falls away from an object."""
    exponent = np.square(d1) * np.float32(-0.5 / settings.sigma_balance**2)
    weight: Floats = np.exp(exponent, out=exponent)
    weight *= np.float32(1 - settings.v)
    return weight


def border_term(
    objects: NDArray[np.int32],
    settings: WeightMapSettings,
    spacing: Spacing = (1.0, 1.0),
    area: Box | None = None,
) -> Floats:
    """The border term of every pixel, on objects and between them.

    Parameters
    ----------
    objects
        int32 ``(Y, X)``: complete objects before the gap is cut, 0 elsewhere (``Target.objects``).
    settings
        ``w0`` and ``sigma`` count here.
    spacing
        Pixels of the network per pixel of ``objects`` along y and x.
    area
        Box of the image that is wanted; objects outside it count all the same. The whole image by default.

    Returns
    -------
    float32 of the area's shape, within 1e-3 of the whole-image distance transform per object.
    """
    check_spacing(spacing)
    reach = settings.border_reach
    if reach == 0:
        whole = objects if area is None else objects[area]
        return np.zeros(whole.shape, np.float32)
    d1, d2 = two_nearest(objects, reach, spacing, area)
    # beyond the reach distances are not exact: a clean end keeps a part equal to the whole
    d2[np.add(d1, d2) > reach] = np.inf
    return border_of(d1, d2, settings)


def compose(
    classes: NDArray[np.uint8],
    known: NDArray[np.bool_],
    border: Floats,
    balance: Floats | None,
    factors: Floats | None,
    settings: WeightMapSettings,
) -> Floats:
    """Put the parts of a weight map together, for a whole image or any box of it.

    Parameters
    ----------
    classes, known
        The target: uint8 and bool ``(Y, X)``, after the gap was cut.
    border
        From `border_term`.
    balance
        From `balance_of`; Falk 2019 only.
    factors
        One factor per class, from ``class_factors``; Ronneberger 2015 only. ``None``: all 1.
    settings
        Which formula.

    Returns
    -------
    float32 ``(Y, X)``, 0 where ``known`` is false.
    """
    if settings.preset == "falk2019":
        background = border + np.float32(settings.v)
        if balance is not None:
            background += balance
        weights = np.where(classes == 0, background, np.float32(1))
    elif factors is None:
        weights = border + np.float32(1)
    else:
        weights = border + factors[classes]
    return np.where(known, weights, np.float32(0)).astype(np.float32, copy=False)


def check_spacing(spacing: Spacing) -> None:
    """Raise `UserError` unless both spacings are positive numbers."""
    if not all(np.isfinite(step) and step > 0 for step in spacing):
        raise UserError(f"The pixel spacing {spacing} is not positive: give one number above 0 per axis.")


def _reach(peak: float, sigma: float) -> float:
    if peak <= 0:
        return 0.0
    ratio = min(_TAIL_OF_PEAK, _TAIL / peak)
    return float(sigma * np.sqrt(-2 * np.log(ratio)))
