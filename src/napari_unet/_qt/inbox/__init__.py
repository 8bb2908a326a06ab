"""What is worth a look: a list in the dock, keys over the image, and the proposed fix drawn on it."""
