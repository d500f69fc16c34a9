import torch
from torch.nn.functional import pad

# Number of neighbouring tokens of a run.
RUN_LENGTH = 64


class VocabularyRuns:
    """Scores of a batch, cut into runs of neighbouring tokens, with the largest of each run.

    Vocabularies are long (262,144 tokens in Gemma's) and a pass over them takes as long as some
    layers of a small model. The maxima take one pass; then the most likely tokens are found in a
    few runs: the k largest scores lie in the k runs with the largest maxima.

    Attributes:
        maxima: The largest score of each run, [n, runs].
        best: The largest score of each row, [n]; NaN where a row has one.
    """

    def __init__(self, scores: torch.Tensor) -> None:
        """Cuts the scores.

        Args:
            scores: Float32, [n, vocabulary].
        """
        missing = -scores.shape[1] % RUN_LENGTH
        if missing:
            scores = pad(scores, (0, missing), value=-torch.inf)
        # [all rows, runs, RUN_LENGTH], shared by the parts that rows() makes.
        self._values = scores.view(len(scores), -1, RUN_LENGTH)
        self._row_numbers = torch.arange(len(scores), device=scores.device)
        self.maxima = self._values.amax(-1)
        self.best = self.maxima.amax(-1)

    def __len__(self) -> int:
        return len(self.best)

    @property
    def num_runs(self) -> int:
        """Number of runs of a row."""
        return self.maxima.shape[1]

    def rows(self, rows: list[int]) -> "VocabularyRuns":
        """Some of the rows, in rising order; their scores are not copied."""
        part = object.__new__(VocabularyRuns)
        part._values = self._values
        part._row_numbers = self._row_numbers[rows]
        part.maxima = self.maxima[rows]
        part.best = self.best[rows]
        return part

    def scores(self) -> torch.Tensor:
        """All scores of the rows, minus infinity after the last token, [n, runs x RUN_LENGTH].

        Not to be changed: they may be a view.
        """
        if len(self) == len(self._values):
            return self._values.flatten(1)
        return self._values[self._row_numbers].flatten(1)

    def most_likely(self) -> torch.Tensor:
        """The token with the largest score of each row, the first one of several, int64, [n]."""
        run = self.maxima.argmax(-1)
        return run * RUN_LENGTH + self.gather(run.unsqueeze(-1)).argmax(-1)

    def gather(self, runs: torch.Tensor) -> torch.Tensor:
        """The scores of some runs of each row.

        Args:
            runs: Indices of runs, int64, [n, count].

        Returns:
            [n, count x RUN_LENGTH]
        """
        return self._values[self._row_numbers.unsqueeze(-1), runs].flatten(1)
