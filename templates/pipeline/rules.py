from __future__ import annotations

from typing import Any

from troposphere import Equals, Not

from templates.pipeline.image_parameters import ImageParameters
from templates.pipeline.source_parameters import SourceParameters


def pipeline_rules() -> dict[str, dict[str, Any]]:
    """Returns the rules that CloudFormation checks before it makes any resource, by name."""
    return {
        "OwnerIsGiven": {
            "Assertions": [
                {
                    "Assert": Not(SourceParameters.owner.is_empty()),
                    "AssertDescription": "GitHubOwner is empty. Give the user or organisation"
                    " before the slash in github.com/owner/repository.",
                }
            ]
        },
        # The address of a package index is the installer's to choose, so there is no default.
        "CpuImageHasItsIndex": {
            "RuleCondition": Not(Equals(ImageParameters.variants.ref(), "cuda")),
            "Assertions": [
                {
                    "Assert": Not(ImageParameters.torch_index_url.is_empty()),
                    "AssertDescription": "TorchIndexUrl is empty, and the cpu image needs it. Open"
                    " PyTorch's installation page (Get Started), choose Linux, Pip and the Compute"
                    " Platform CPU, and give the address that stands behind --index-url.",
                }
            ],
        },
    }
