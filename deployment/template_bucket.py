from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from botocore.exceptions import ClientError

from deployment.aws import Aws
from deployment.aws_advice import error_code
from deployment.errors import AwsRefusedError, UsageError
from deployment.template_source import TemplateSource

DNS_SUFFIX = {"aws-cn": "amazonaws.com.cn"}


@dataclass(frozen=True)
class UploadedTemplate:
    """A template in a bucket.

    Attributes:
        url: Address that CloudFormation reads, virtual-hosted.
        key: Key of the object.
        existed: Whether the same content was there already, so that nothing was sent.
    """

    url: str
    key: str
    existed: bool


class TemplateBucket:
    """The S3 bucket that CloudFormation reads templates from.

    Every call names the account that must own the bucket, so that a bucket of that name in
    somebody else's hands never receives a template nor serves one.

    Args:
        aws: Account and region; the bucket must be in both.
        name: Bucket name; None takes one made of account and region.
        kms_key: Key that encrypts the objects; None takes S3's own (AES-256).
    """

    def __init__(self, aws: Aws, name: str | None = None, *, kms_key: str | None = None) -> None:
        self._aws = aws
        self.name = name or f"llm-service-templates-{aws.account}-{aws.region}"
        self._kms_key = kms_key

    def ensure(self, *, create: bool) -> bool:
        """Checks owner and region, and makes the bucket when asked.

        Returns:
            Whether the bucket was made.

        Raises:
            UsageError: It is absent and `create` is false, or it is in another region.
            AwsRefusedError: It belongs to another account, or may not be read.
        """
        try:
            answer = self._aws.client("s3").head_bucket(
                Bucket=self.name, ExpectedBucketOwner=self._aws.account
            )
        except ClientError as error:
            return self._missing(error, create=create)
        region = answer.get("BucketRegion", self._aws.region)
        if region != self._aws.region:
            raise self._wrong_region(region)
        return False

    def upload(
        self,
        template: TemplateSource,
        stack_name: str,
        *,
        prefix: str = "",
        on_bytes: Callable[[int], None] | None = None,
    ) -> UploadedTemplate:
        """Stores a template under its content hash; the same content is sent once.

        Args:
            template: What to store.
            stack_name: First part of the key, for people.
            prefix: Folder in the bucket, without a trailing slash.
            on_bytes: Called with the number of bytes just sent.
        """
        name = f"{stack_name}-{template.sha256[:16]}.template.{template.suffix}"
        key = f"{prefix.strip('/')}/{name}".lstrip("/")
        url = f"https://{self.name}.s3.{self._aws.region}.{self._dns_suffix}/{quote(key)}"
        if self._holds(key):
            return UploadedTemplate(url, key, existed=True)
        encryption = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._kms_key}
            if self._kms_key
            else {"ServerSideEncryption": "AES256"}
        )
        self._aws.client("s3").upload_fileobj(
            io.BytesIO(template.text.encode()),
            self.name,
            key,
            ExtraArgs={
                "ContentType": f"application/{template.suffix}",
                "ExpectedBucketOwner": self._aws.account,
                "ChecksumAlgorithm": "SHA256",
                **encryption,
            },
            Callback=on_bytes,
        )
        return UploadedTemplate(url, key, existed=False)

    @property
    def _dns_suffix(self) -> str:
        return DNS_SUFFIX.get(self._aws.partition, "amazonaws.com")

    def _holds(self, key: str) -> bool:
        try:
            self._aws.client("s3").head_object(
                Bucket=self.name, Key=key, ExpectedBucketOwner=self._aws.account
            )
        except ClientError as error:
            # S3 says 403 for an absent key to who may not list the bucket.
            if error_code(error) in {"403", "404", "NoSuchKey"}:
                return False
            raise
        return True

    def _missing(self, error: ClientError, *, create: bool) -> bool:
        code = error_code(error)
        if code in {"301", "PermanentRedirect"}:
            headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
            raise self._wrong_region(
                headers.get("x-amz-bucket-region", "another region")
            ) from error
        if code in {"403", "AccessDenied"}:
            raise AwsRefusedError(
                f"bucket {self.name} is not open to account {self._aws.account}: another account "
                "owns it, or this role may not use it",
                where="AWS call HeadBucket",
                remedy="name a bucket of your own with --bucket, or let an administrator allow "
                "s3:ListBucket, s3:GetObject and s3:PutObject on it",
            ) from error
        if code not in {"404", "NoSuchBucket"}:
            raise error
        if not create:
            raise UsageError(
                f"bucket {self.name} does not exist",
                where="--bucket",
                remedy="name one that exists, or let --create-bucket make it",
            ) from error
        self._create()
        return True

    def _wrong_region(self, region: str) -> UsageError:
        return UsageError(
            f"bucket {self.name} is in {region}, the stack goes to {self._aws.region}",
            where="--bucket",
            remedy=f"CloudFormation reads templates from its own region only: name a bucket in "
            f"{self._aws.region}, or deploy with --region {region}",
        )

    def _create(self) -> None:
        s3 = self._aws.client("s3")
        # us-east-1 is the only region that S3 refuses as a location.
        location = (
            {}
            if self._aws.region == "us-east-1"
            else {"CreateBucketConfiguration": {"LocationConstraint": self._aws.region}}
        )
        s3.create_bucket(Bucket=self.name, **location)
        s3.get_waiter("bucket_exists").wait(Bucket=self.name)
        s3.put_public_access_block(
            Bucket=self.name,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )
        s3.put_bucket_policy(Bucket=self.name, Policy=json.dumps(self._tls_only()))

    def _tls_only(self) -> dict[str, object]:
        arn = f"arn:{self._aws.partition}:s3:::{self.name}"
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "RefusePlainHttp",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [arn, f"{arn}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        }


def quick_create_link(
    aws: Aws, url: str, stack_name: str, parameters: dict[str, str] | None = None
) -> str:
    """Returns the console page that creates a stack from an uploaded template, filled in.

    Args:
        aws: Where the stack goes.
        url: Address of the template.
        stack_name: Name to fill in.
        parameters: Parameter values to fill in; the console ignores NoEcho ones.
    """
    query = {"templateURL": url, "stackName": stack_name}
    query |= {f"param_{key}": value for key, value in (parameters or {}).items()}
    page = f"{aws.console}/cloudformation/home?region={aws.region}#/stacks/create/review"
    return f"{page}?{urlencode(query, quote_via=quote)}"
