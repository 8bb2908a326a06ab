"""What a person painted and what it means: codings, problems, targets and weights. No torch."""
