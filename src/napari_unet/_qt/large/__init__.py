"""Images that are larger than memory, or than one layer to paint on: a part of them, and all of them."""
