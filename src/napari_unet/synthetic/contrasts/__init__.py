"""One module per contrast mechanism: how cells grow that are seen by it (`habit`), and how they look (`paint`)."""
