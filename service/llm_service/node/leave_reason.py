from __future__ import annotations

import enum


class LeaveReason(enum.Enum):
    """Why an instance goes out of service."""

    TERMINATED = "the group terminates the instance"
    SPOT = "EC2 takes the spot instance back in two minutes"
    REBALANCE = "EC2 advises to move away and a replacement is in service"
    STOPPED = "the agent was asked to stop"
