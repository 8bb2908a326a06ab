"""Files of other tools: images, labels, tables."""
