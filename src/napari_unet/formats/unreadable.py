"""What the readers of images raise for a file that can't be read."""

import struct
import zlib

from tifffile import TiffFileError

# what tifffile and Pillow raise for files that are cut short, scrambled or of another kind
UNREADABLE = (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, SyntaxError,
              RuntimeError, ArithmeticError, NotImplementedError, AssertionError, struct.error, zlib.error,
              TiffFileError)  # fmt: skip
