"""Tools that correct a plane of objects: each says what it changes, in a box as small as what it touches.

All take labels ``(Y, X)``, 0 for background, and places in px, y and x, the centre of the first pixel at (0, 0).
Nothing is changed in place; the box of a change holds the objects that it touches whole. What can't be done raises
`UserError` with one sentence for the user.
"""
