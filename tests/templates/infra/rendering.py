from __future__ import annotations

from typing import Any

# The longest values that the parameters take, so that a script's size is its worst one.
WORST = {
    "ModelName": "m" * 200,
    "WeightsLocation": "s3://" + "b" * 63 + "/p" * 400,
    "ImageTag": "t" * 128,
    "EcrRepositoryName": "r" * 256,
    "ExtraEnvironment": "A=" + "x" * 1022,
    "TlsSecretArn": "arn:aws:secretsmanager:ap-southeast-2:123456789012:secret:" + "s" * 512,
    "TokenSecretArn": "arn:aws:secretsmanager:ap-southeast-2:123456789012:secret:" + "s" * 512,
    "NamespaceName": "n" * 200,
    "InstanceType": "p5.48xlarge",
}


def names_in_sub(template: Any) -> tuple[str, dict[str, Any]]:
    """Returns the user data's text and the variables that stand beside it."""
    data = template["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
    text, variables = data["UserData"]["Fn::Base64"]["Fn::Sub"]
    return text, variables
