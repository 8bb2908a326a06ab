"""Images larger than memory: block by block, and on more than one machine."""
