import contextlib
import ctypes
import mmap

_HUGE_PAGE_BYTES = 2 << 20
_CACHE_LINE_BYTES = 64


class HugePageMemory:
    """Memory for weights, in huge pages where the system grants them.

    A step reads all weights once, one after the other: with pages of 4 KiB a processor spends a
    fifth of that time on finding them.
    """

    def __init__(self, num_bytes: int) -> None:
        """Reserves the memory; it counts as used only once it is written to.

        Args:
            num_bytes: Size of all pieces, each rounded up by `piece_bytes`.
        """
        # Private: the system grants no huge pages to shared memory.
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self._memory = mmap.mmap(-1, num_bytes + _HUGE_PAGE_BYTES, flags)
        # Refused where the kernel is built without them, which only costs speed.
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with contextlib.suppress(OSError):
                self._memory.madvise(mmap.MADV_HUGEPAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._next = -(-start // _HUGE_PAGE_BYTES) * _HUGE_PAGE_BYTES
        self._end = self._next + num_bytes

    def take(self, num_bytes: int) -> int:
        """Takes a piece, zeroed and aligned to a cache line, and returns its address."""
        address = self._next
        self._next += self.piece_bytes(num_bytes)
        if self._next > self._end:
            raise MemoryError(f"{num_bytes} bytes of weights are more than was reserved")
        return address

    @staticmethod
    def piece_bytes(num_bytes: int) -> int:
        """What a piece takes with its padding."""
        return -(-num_bytes // _CACHE_LINE_BYTES) * _CACHE_LINE_BYTES
