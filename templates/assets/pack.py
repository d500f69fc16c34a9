"""Compresses the Lambda source for the template: `python -m templates.assets.pack`.

The result is committed, because builds of zlib differ in what they write, and a template must not
differ by machine. A test holds it equal to its source.
"""

from __future__ import annotations

import base64
import zlib

from templates.assets import FOLDER, PACKED_NAME, python_asset


def pack(text: str) -> str:
    """Returns text compressed, in base64."""
    return base64.b64encode(zlib.compress(text.encode("ascii"), 9)).decode("ascii")


def main() -> None:
    """Writes the packed source anew."""
    (FOLDER / PACKED_NAME).write_text(pack(python_asset("deregister.py")) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
