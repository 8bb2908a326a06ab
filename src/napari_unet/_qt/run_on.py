"""Where something is computed: on this computer, or on those behind a scheduler."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox

HERE = "this computer"


class RunOn(QComboBox):
    """A choice that an address can be typed into; one that was used is offered again.

    Parameters
    ----------
    tooltip
        What is computed there.
    """

    def __init__(self, tooltip: str) -> None:
        super().__init__()
        self.setEditable(True)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.addItem(HERE)
        self.setToolTip(
            f"<p>{tooltip} on this computer, or by the workers of a dask scheduler, whose address you type, such as "
            "tcp://192.168.1.20:8786.</p>"
        )

    def address(self) -> str:
        """Return a scheduler's address, nothing for this computer."""
        text = str(self.currentText()).strip()
        return "" if text == HERE else text

    def set_address(self, address: str) -> None:
        """Show another address, and offer it from now on."""
        if address and self.findText(address) < 0:
            self.addItem(address)
        self.setCurrentText(address or HERE)
