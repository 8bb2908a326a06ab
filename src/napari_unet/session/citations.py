"""Whom a paper should name for what a training in fact used."""

from __future__ import annotations

CITATIONS = {
    "unet": "Ronneberger O, Fischer P, Brox T (2015). U-Net: Convolutional Networks for Biomedical Image Segmentation. "
    "MICCAI 2015, LNCS 9351, 234–241. doi:10.1007/978-3-319-24574-4_28",
    "falk": "Falk T et al. (2019). U-Net: deep learning for cell counting, detection, and morphometry. "
    "Nature Methods 16, 67–70. doi:10.1038/s41592-018-0261-2",
    "prior": "Lin T-Y, Goyal P, Girshick R, He K, Dollár P (2017). Focal Loss for Dense Object Detection. "
    "ICCV 2017, 2980–2988. doi:10.1109/ICCV.2017.324",
    "adjustment": "Menon AK et al. (2021). Long-tail learning via logit adjustment. ICLR 2021. arXiv:2007.07314",
    "average": "Shamir O, Zhang T (2013). Stochastic Gradient Descent for Non-smooth Optimization: Convergence Results "
    "and Optimal Averaging Schemes. ICML 2013, PMLR 28, 71–79",
    "adamw": "Loshchilov I, Hutter F (2019). Decoupled Weight Decay Regularization. ICLR 2019. arXiv:1711.05101",
    "batch": "Ioffe S, Szegedy C (2015). Batch Normalization: Accelerating Deep Network Training by Reducing Internal "
    "Covariate Shift. ICML 2015, PMLR 37, 448–456",
    "torch": "Paszke A et al. (2019). PyTorch: An Imperative Style, High-Performance Deep Learning Library. "
    "NeurIPS 32, 8024–8035",
    "napari": "napari contributors (2019). napari: a multi-dimensional image viewer for Python. "
    "doi:10.5281/zenodo.3555620",
    "bowl": "Caicedo JC et al. (2019). Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl. "
    "Nature Methods 16, 1247–1253. doi:10.1038/s41592-019-0612-7",
    "bbbc": "Ljosa V, Sokolnicki KL, Carpenter AE (2012). Annotated high-throughput microscopy image sets for "
    "validation. Nature Methods 9, 637. doi:10.1038/nmeth.2083",
    "axons": "Zaimi A et al. (2018). AxonDeepSeg: automatic axon and myelin segmentation from microscopy data using "
    "convolutional neural networks. Scientific Reports 8, 3816. doi:10.1038/s41598-018-22181-4",
}


class Citations:
    """Numbers them in the order in which they are first named."""

    def __init__(self) -> None:
        self._named: list[str] = []

    def __call__(self, *keys: str) -> str:
        """Return the mark behind what is cited, such as ``[1, 3]``."""
        for key in keys:
            if key not in self._named:
                self._named.append(key)
        return f"[{', '.join(str(self._named.index(key) + 1) for key in keys)}]"

    def listed(self) -> str:
        """Return the list, a line each."""
        return "\n".join(f"[{number}] {CITATIONS[key]}." for number, key in enumerate(self._named, start=1))
