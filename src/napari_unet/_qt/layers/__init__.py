"""Between napari's layers and the session: the only place that touches a layer's data."""
