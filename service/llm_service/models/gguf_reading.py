from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt


class PlainArrayReader(gguf.GGUFReader):  # type: ignore[misc]  # gguf has no types
    """Reads a GGUF file through a plain array over the memory map.

    Every slice of a numpy.memmap makes a new memmap, at some microseconds each; a vocabulary of
    262,144 tokens takes millions of them.
    """

    @property
    def data(self) -> npt.NDArray[np.uint8]:
        """The file's bytes."""
        return self._data

    @data.setter
    def data(self, memory_map: npt.NDArray[np.uint8]) -> None:
        self._data = np.asarray(memory_map)


@contextmanager
def one_gguf_reading() -> Iterator[None]:
    """Lets transformers read a GGUF file once, where it would do so for each thing it wants.

    It reads the whole file for the configuration, again for the tokenizer and again for the
    weights, with no way to hand a reader in. Gemma 3 270M takes a third of the time so. Should a
    later transformers look for its reader elsewhere, it only gets slow again.
    """

    @cache
    def read(path: Any) -> PlainArrayReader:
        return PlainArrayReader(path)

    original = gguf.GGUFReader
    gguf.GGUFReader = read
    try:
        yield
    finally:
        gguf.GGUFReader = original
