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
        values: Scores, float32, [n, runs, RUN_LENGTH]; minus infinity after the last token.
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
        self.values = scores.view(len(scores), -1, RUN_LENGTH)
        self.maxima = self.values.amax(-1)
        self.best = self.maxima.amax(-1)

    def __len__(self) -> int:
        return len(self.best)

    @property
    def num_runs(self) -> int:
        """Number of runs of a row."""
        return self.maxima.shape[1]

    def rows(self, rows: list[int]) -> "VocabularyRuns":
        """Some of the rows; the same object, without a copy, if these are all of them."""
        if len(rows) == len(self):
            return self
        part = object.__new__(VocabularyRuns)
        part.values = self.values[rows]
        part.maxima = self.maxima[rows]
        part.best = self.best[rows]
        return part

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
        return self.values.gather(1, runs.unsqueeze(-1).expand(-1, -1, RUN_LENGTH)).flatten(1)
