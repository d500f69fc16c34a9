from collections.abc import Sequence as SequenceOf


class StopMatcher:
    """Finds the first stop string in a text that arrives piece by piece.

    The result does not depend on where the pieces are cut: the stop string that is complete
    first counts, and of several that are complete at the same place the longest.

    Attributes:
        matched: The stop string that was found; None while there is none.
    """

    def __init__(self, stops: SequenceOf[str]) -> None:
        self.matched: str | None = None
        self._stops = tuple(stops)
        self._held = ""

    def feed(self, text: str) -> str:
        """Takes the next piece.

        Args:
            text: More of the text.

        Returns:
            What can be shown: everything before a stop string, and never what may be the
            beginning of one.
        """
        if self.matched is not None:
            return ""
        pending = self._held + text
        ends = [
            (position + len(stop), -len(stop), stop)
            for stop in self._stops
            if (position := pending.find(stop)) >= 0
        ]
        if ends:
            end, _, self.matched = min(ends)
            self._held = ""
            return pending[: end - len(self.matched)]
        self._held = self._longest_stop_prefix_at_end(pending)
        return pending[: len(pending) - len(self._held)]

    def flush(self) -> str:
        """What was held back, once nothing more comes."""
        held, self._held = self._held, ""
        return held

    def _longest_stop_prefix_at_end(self, text: str) -> str:
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        for length in range(min(longest, len(text)), 0, -1):
            ending = text[-length:]
            if any(stop.startswith(ending) for stop in self._stops):
                return ending
        return ""
