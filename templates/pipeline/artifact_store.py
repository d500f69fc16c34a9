from __future__ import annotations

from typing import Any

from awacs import s3 as s3_actions
from awacs.aws import (
    Bool,
    Condition,
    Deny,
    NumericLessThan,
    PolicyDocument,
    Principal,
    Statement,
)
from troposphere import GetAtt, Ref, Sub, Template, codepipeline, s3

from templates.pipeline.findings import accepted
from templates.pipeline.operations_parameters import PipelineOperationsParameters
from templates.pipeline.statements import allow


class ArtifactStore:
    """The bucket through which stages hand on sources and templates.

    It is kept when the stack is deleted: CloudFormation cannot delete a bucket that holds objects.
    """

    def __init__(self, template: Template) -> None:
        self._name = "ArtifactBucket"
        template.add_resource(self._bucket())
        template.add_resource(
            s3.BucketPolicy(
                "ArtifactBucketPolicy",
                DeletionPolicy="Retain",
                UpdateReplacePolicy="Retain",
                Bucket=Ref(self._name),
                PolicyDocument=PolicyDocument(
                    Version="2012-10-17",
                    Statement=[
                        self._refuse("PlainHttp", Bool({"aws:SecureTransport": "false"})),
                        self._refuse("OldTls", NumericLessThan({"s3:TlsVersion": "1.2"})),
                    ],
                ),
            )
        )

    @property
    def declaration(self) -> codepipeline.ArtifactStore:
        """The store as the pipeline declares it."""
        return codepipeline.ArtifactStore(Type="S3", Location=Ref(self._name))

    def statements(self) -> list[Any]:
        """Returns the rights of a role that reads and writes artifacts."""
        return [
            allow(
                "Artifacts",
                [s3_actions.GetObject, s3_actions.GetObjectVersion, s3_actions.PutObject],
                Sub(f"${{{self._name}.Arn}}/*"),
            ),
            allow(
                "ArtifactBucket",
                [
                    s3_actions.GetBucketAcl,
                    s3_actions.GetBucketLocation,
                    s3_actions.GetBucketVersioning,
                ],
                GetAtt(self._name, "Arn"),
            ),
        ]

    def _bucket(self) -> s3.Bucket:
        days = PipelineOperationsParameters.artifact_retention_days.ref()
        return s3.Bucket(
            self._name,
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
            BucketEncryption=s3.BucketEncryption(
                ServerSideEncryptionConfiguration=[
                    s3.ServerSideEncryptionRule(
                        ServerSideEncryptionByDefault=s3.ServerSideEncryptionByDefault(
                            SSEAlgorithm="AES256"
                        )
                    )
                ]
            ),
            PublicAccessBlockConfiguration=s3.PublicAccessBlockConfiguration(
                BlockPublicAcls=True,
                BlockPublicPolicy=True,
                IgnorePublicAcls=True,
                RestrictPublicBuckets=True,
            ),
            OwnershipControls=s3.OwnershipControls(
                Rules=[s3.OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]
            ),
            VersioningConfiguration=s3.VersioningConfiguration(Status="Enabled"),
            LifecycleConfiguration=s3.LifecycleConfiguration(
                Rules=[
                    s3.LifecycleRule(
                        Id="expire",
                        Status="Enabled",
                        ExpirationInDays=days,
                        NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(
                            NoncurrentDays=1
                        ),
                        AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(
                            DaysAfterInitiation=1
                        ),
                    )
                ]
            ),
            Metadata=accepted(
                CKV_AWS_18="Only the pipeline uses it; CloudTrail data events tell who.",
            ),
        )

    def _refuse(self, sid: str, condition: Any) -> Statement:
        return Statement(
            Sid=f"Refuse{sid}",
            Effect=Deny,
            Principal=Principal("*"),
            Action=[s3_actions.Action("*")],
            Resource=[GetAtt(self._name, "Arn"), Sub(f"${{{self._name}.Arn}}/*")],
            Condition=Condition(condition),
        )
