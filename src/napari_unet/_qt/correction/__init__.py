"""The tools of the Correct step: keys and mouse over the Segmentation layer, and their buttons."""
