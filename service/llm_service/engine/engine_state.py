from enum import Enum


class EngineState(Enum):
    """Where an engine is in its life; the values complete the sentence "the engine is ..."."""

    NEW = "not started"
    RUNNING = "running"
    DRAINING = "draining"
    STOPPED = "stopped"
    FAILED = "failed: see its log"
