"""What the reasons of failed resources mean and what to do next."""

from __future__ import annotations

import re

from deployment.stack_event import StackEvent

# Pattern in CloudFormation's reason, and what to do. The first match counts.
_ADVICE: tuple[tuple[str, str], ...] = (
    (
        r"Received \d+ FAILURE signal|Received 0 SUCCESS signal|Failed to receive \d+ resource",
        "the new instances did not become healthy: read the log lines below, or "
        "`generate.py logs {stack}`; most often the image does not start or the model does not fit",
    ),
    (
        r"AWSServiceRoleForEC2Spot|service-linked role",
        "make the role once per account: "
        "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com",
    ),
    (
        r"already exists",
        "something outside this stack has that name: delete or import it, or choose another name",
    ),
    (
        r"not authorized|AccessDenied|is not permitted|UnauthorizedOperation",
        "allow the action named to the role that deploys (--role-arn, or your own)",
    ),
    (
        r"limit.{0,20}exceeded|LimitExceeded|maximum number|quota",
        "raise the quota in the Service Quotas console, or delete what is not needed",
    ),
    (
        r"Insufficient.{0,20}Capacity|UnfulfillableCapacity|no Spot capacity|not supported in your",
        "allow more instance types or zones; `generate.py preflight` lists what each zone offers",
    ),
    (
        r"conflicting domain|ConflictingDomainExists",
        "the VPC already has a private zone of that name: choose another namespace or VPC",
    ),
    (
        r"Secrets Manager can't find|ResourceNotFoundException.*secret|could not be resolved",
        "create the secret or parameter named; `generate.py preflight` shows what is missing",
    ),
    (
        r"registered instances|ResourceInUse",
        "instances are still registered in Cloud Map: wait two minutes and run destroy again",
    ),
    (r"has dependencies|DependencyViolation", "delete what still uses it, then run it again"),
    (
        r"stabilize|timed out|Exceeded attempts",
        "look at the resource in the console, then try again",
    ),
)


def advise_failure(event: StackEvent, stack_name: str) -> str:
    """Returns what to do about a failed resource.

    Args:
        event: The failure.
        stack_name: For commands in the advice.
    """
    for pattern, advice in _ADVICE:
        if re.search(pattern, event.reason, re.IGNORECASE | re.DOTALL):
            return advice.format(stack=stack_name)
    return "correct what the reason names, then deploy again"
