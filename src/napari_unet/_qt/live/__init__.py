"""The overlay that follows the brush, in the window."""
