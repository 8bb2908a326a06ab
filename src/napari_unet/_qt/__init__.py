"""The window: thin widgets over the session, and the only place that knows Qt and napari."""
