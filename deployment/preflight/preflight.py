from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import BotoCoreError, ClientError

from deployment.aws import Aws
from deployment.aws_advice import advise
from deployment.deploy_settings import DeploySettings
from deployment.errors import CommandError
from deployment.preflight.check_result import CheckResult
from deployment.preflight.group_size import check_group_size
from deployment.preflight.image import check_image
from deployment.preflight.instance_types import check_instance_types
from deployment.preflight.model_fit import check_model_fit
from deployment.preflight.names import check_names
from deployment.preflight.preflight_context import PreflightContext
from deployment.preflight.private_zone import check_private_zone
from deployment.preflight.quotas import check_quotas
from deployment.preflight.secrets import check_secrets
from deployment.preflight.sizes import check_sizes
from deployment.preflight.spot_role import check_spot_role
from deployment.preflight.stack_check import check_stack

Check = Callable[[PreflightContext], Iterator[CheckResult]]

CHECKS: dict[str, Check] = {
    "stack": check_stack,
    "sizes": check_sizes,
    "spot service-linked role": check_spot_role,
    "secrets": check_secrets,
    "image": check_image,
    "group size": check_group_size,
    "instance types": check_instance_types,
    "model": check_model_fit,
    "quotas": check_quotas,
    "private zone": check_private_zone,
}
PARALLEL = 8


class Preflight:
    """Checks everything that can be checked before the first resource is made.

    Args:
        aws: Account and region.
    """

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def run(self, settings: DeploySettings, *, fix: bool = False) -> list[CheckResult]:
        """Returns all results, in the order of the checks.

        Args:
            settings: The deployment to come.
            fix: Whether checks may make what is missing and costs nothing.
        """
        context = PreflightContext(self._aws, settings, fix=fix)
        results = [*check_names(context), *self._credentials()]
        if any(result.blocks for result in results):
            # Without a name or an identity every further line would say the same.
            return results
        with ThreadPoolExecutor(PARALLEL) as pool:
            for found in pool.map(lambda item: _run(item[0], item[1], context), CHECKS.items()):
                results += found
        return results

    def _credentials(self) -> list[CheckResult]:
        try:
            region, caller = self._aws.region, self._aws.caller
        except CommandError as error:
            return [CheckResult.failed("region", error.what, error.remedy)]
        except (BotoCoreError, ClientError) as error:
            advice = advise(error)
            return [CheckResult.failed("credentials", advice.what, advice.remedy)]
        return [CheckResult.passed("region", region), CheckResult.passed("credentials", caller)]


def _run(name: str, check: Check, context: PreflightContext) -> list[CheckResult]:
    try:
        return list(check(context))
    except CommandError as error:
        return [CheckResult.failed(name, error.what, error.remedy)]
    except (BotoCoreError, ClientError) as error:
        # Not being allowed to look is no reason to stop: the deployment may still succeed.
        advice = advise(error)
        return [CheckResult.warning(name, f"not checked: {advice.what}", advice.remedy)]
