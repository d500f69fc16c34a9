from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class InstanceIdentity:
    """Who this instance is, as its metadata tells.

    Attributes:
        instance_id: EC2 instance id, which is the id in Cloud Map too.
        private_ip: Private IPv4 address that clients connect to.
        availability_zone: For example eu-west-1a.
        region: For example eu-west-1.
    """

    instance_id: str
    private_ip: str
    availability_zone: str
    region: str
