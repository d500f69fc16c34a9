from __future__ import annotations

from typing import Annotated

import typer

from deployment.commands.options import Bucket, CreateBucket, Output, Profile, Region
from deployment.output_format import OutputFormat

Targets = Annotated[
    list[str] | None,
    typer.Argument(metavar="[STACK]...", help="Stacks or template files; without any, all stacks."),
]
Prefix = Annotated[str, typer.Option("--prefix", help="Folder in the bucket.")]
KmsKey = Annotated[
    str | None, typer.Option("--kms-key", help="KMS key for the objects; without it AES-256.")
]


def upload(
    stacks: Targets = None,
    *,
    bucket: Bucket = None,
    prefix: Prefix = "",
    kms_key: KmsKey = None,
    create_bucket: CreateBucket = False,
    region: Region = None,
    profile: Profile = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Uploads templates to S3 by content hash and prints the console's quick-create links."""
    # Imported here, so that --help need not wait for AWS's and the terminal's libraries.
    from deployment.aws import Aws  # noqa: PLC0415
    from deployment.output import Output as Words  # noqa: PLC0415
    from deployment.template_bucket import TemplateBucket  # noqa: PLC0415
    from deployment.template_uploader import TemplateUploader  # noqa: PLC0415

    aws = Aws(region=region, profile=profile)
    words = Words(as_json=output is OutputFormat.JSON)
    store = TemplateBucket(aws, bucket, kms_key=kms_key)
    TemplateUploader(aws, store, words).upload(
        stacks or (), prefix=prefix, create_bucket=create_bucket
    )
