"""The overlay that follows the brush: what is computed when, and what of it is still wanted. No Qt."""
