"""Projects in the window: kept as one paints, continued, named, opened."""
