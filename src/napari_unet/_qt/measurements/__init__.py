"""What was measured: a table whose rows lead to objects and back, and how sizes and intensities are spread."""
