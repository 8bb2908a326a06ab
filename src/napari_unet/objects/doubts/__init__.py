"""What is worth a second look in a segmentation, and what could be done about it; numpy arrays in, proposals out."""
