from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from deployment.aws_advice import is_transient
from deployment.clock import Clock
from deployment.errors import AwsRefusedError

Answer = TypeVar("Answer")

FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 30.0
# A deployment goes on in AWS whatever happens to this machine's network; a quarter of an hour
# bridges a train's tunnel or a throttled account.
GIVE_UP_SECONDS = 900.0


class Patience:
    """Repeats a reading call through throttling and lost connections.

    Args:
        clock: Time.
        on_trouble: Called with a sentence, once for each stretch of trouble.
        resume: Command that takes the watch up again, for the error at the end.
    """

    def __init__(self, clock: Clock, on_trouble: Callable[[str], None], resume: str) -> None:
        self._clock = clock
        self._on_trouble = on_trouble
        self._resume = resume

    def ask(self, call: Callable[[], Answer]) -> Answer:
        """Returns the call's answer, however long it takes within the limit.

        Raises:
            AwsRefusedError: AWS could not be reached for the whole limit.
        """
        started = self._clock.monotonic()
        pause = FIRST_PAUSE_SECONDS
        told = False
        while True:
            try:
                return call()
            except (BotoCoreError, ClientError) as error:
                if not is_transient(error):
                    raise
                if self._clock.monotonic() - started > GIVE_UP_SECONDS:
                    raise self._gave_up(error) from error
                if not told:
                    self._on_trouble(f"no answer from AWS ({error}); the operation goes on there")
                    told = True
            self._clock.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _gave_up(self, error: Exception) -> AwsRefusedError:
        return AwsRefusedError(
            f"no answer from AWS for {GIVE_UP_SECONDS / 60:.0f} minutes: {error}",
            where="the operation itself goes on in AWS",
            remedy=f"watch it again when the network is back: {self._resume}",
        )
