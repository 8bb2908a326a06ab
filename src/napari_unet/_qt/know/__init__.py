"""How good it is: rounds and what changed between them, scores, what more labels would bring."""
