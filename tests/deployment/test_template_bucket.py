from __future__ import annotations

import json
from urllib.parse import unquote

import boto3
import pytest

from deployment.aws import Aws
from deployment.errors import AwsRefusedError, UsageError
from deployment.template_bucket import TemplateBucket, quick_create_link
from deployment.template_source import TemplateSource
from tests.deployment.fakes import ACCOUNT, ScriptedAws

TEMPLATE = TemplateSource("x", json.dumps({"Resources": {}, "Description": "Grüße"}))


def make_bucket(aws: Aws, name: str = "ours") -> TemplateBucket:
    aws.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws.region}
    )
    return TemplateBucket(aws, name)


def test_stores_a_template_once_under_its_content_hash(mocked: Aws) -> None:
    bucket = make_bucket(mocked)
    sent: list[int] = []
    first = bucket.upload(TEMPLATE, "MyStack", prefix="some/folder", on_bytes=sent.append)
    again = bucket.upload(TEMPLATE, "MyStack", prefix="some/folder", on_bytes=sent.append)
    assert not first.existed
    assert again.existed
    assert sum(sent) == TEMPLATE.size
    assert first.key == f"some/folder/MyStack-{TEMPLATE.sha256[:16]}.template.json"
    assert first.url == f"https://ours.s3.eu-west-1.amazonaws.com/{first.key}"
    stored = mocked.client("s3").get_object(Bucket="ours", Key=first.key)
    assert stored["Body"].read().decode() == TEMPLATE.text
    assert stored["ServerSideEncryption"] == "AES256"


def test_a_key_of_kms_encrypts_when_given(mocked: Aws) -> None:
    make_bucket(mocked)
    uploaded = TemplateBucket(mocked, "ours", kms_key="alias/ours").upload(TEMPLATE, "MyStack")
    stored = mocked.client("s3").head_object(Bucket="ours", Key=uploaded.key)
    assert stored["ServerSideEncryption"] == "aws:kms"
    assert stored["SSEKMSKeyId"] == "alias/ours"


def test_an_absent_bucket_is_made_only_when_asked(mocked: Aws) -> None:
    bucket = TemplateBucket(mocked)
    assert bucket.name == f"llm-service-templates-{ACCOUNT}-eu-west-1"
    with pytest.raises(UsageError, match="does not exist") as refused:
        bucket.ensure(create=False)
    assert "--create-bucket" in refused.value.remedy
    assert bucket.ensure(create=True) is True
    assert bucket.ensure(create=True) is False
    s3 = mocked.client("s3")
    block = s3.get_public_access_block(Bucket=bucket.name)["PublicAccessBlockConfiguration"]
    assert all(block.values())
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket.name)["Policy"])
    assert policy["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_bucket_in_another_region_is_refused_by_name(mocked: Aws) -> None:
    boto3.client("s3", region_name="us-west-2").create_bucket(
        Bucket="far", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    with pytest.raises(
        UsageError, match="far is in us-west-2, the stack goes to eu-west-1"
    ) as found:
        TemplateBucket(mocked, "far").ensure(create=True)
    assert "--region us-west-2" in found.value.remedy


def test_a_redirect_that_names_the_region_is_understood(scripted: ScriptedAws) -> None:
    stub = scripted._stub("s3")
    stub.add_client_error(
        "head_bucket",
        "301",
        http_status_code=301,
        response_meta={"HTTPHeaders": {"x-amz-bucket-region": "us-east-2"}},
    )
    with pytest.raises(UsageError, match="is in us-east-2"):
        TemplateBucket(scripted, "far").ensure(create=False)


def test_a_bucket_of_another_account_is_refused(scripted: ScriptedAws) -> None:
    scripted.refuse("s3", "head_bucket", "403", "Forbidden", 403)
    with pytest.raises(AwsRefusedError, match=f"not open to account {ACCOUNT}") as refused:
        TemplateBucket(scripted, "theirs").ensure(create=True)
    assert "--bucket" in refused.value.remedy


def test_every_call_names_the_owner(scripted: ScriptedAws) -> None:
    scripted.answer(
        "s3",
        "head_bucket",
        {"BucketRegion": "eu-west-1"},
        Bucket="ours",
        ExpectedBucketOwner=ACCOUNT,
    )
    assert TemplateBucket(scripted, "ours").ensure(create=False) is False


def test_quick_create_link_fills_the_console_in(scripted: ScriptedAws) -> None:
    link = quick_create_link(
        scripted, "https://b.s3.eu-west-1.amazonaws.com/k", "MyStack", {"Key": "a=b, c&d"}
    )
    assert link.startswith(
        "https://eu-west-1.console.aws.amazon.com/cloudformation/home?region=eu-west-1#/stacks/create/review?"
    )
    query = dict(part.split("=", 1) for part in link.rsplit("?", 1)[1].split("&"))
    assert {key: unquote(value) for key, value in query.items()} == {
        "templateURL": "https://b.s3.eu-west-1.amazonaws.com/k",
        "stackName": "MyStack",
        "param_Key": "a=b, c&d",
    }
