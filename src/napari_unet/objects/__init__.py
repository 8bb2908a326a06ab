"""From probabilities to objects, and what is done with them: linked, measured, compared, corrected. No torch."""
