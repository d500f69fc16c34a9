import {
  CfnParameter,
  RemovalPolicy,
  SecretValue,
  Stack,
  StackProps,
  aws_codebuild as codebuild,
  aws_codepipeline as codepipeline,
  aws_codepipeline_actions as actions,
  aws_ecr as ecr,
  aws_events as events,
  aws_events_targets as targets,
  aws_iam as iam,
  aws_logs as logs,
  aws_s3 as s3,
  aws_secretsmanager as secrets,
  aws_sns as sns,
  aws_sns_subscriptions as subscriptions,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';

export class PipelineStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const owner = new CfnParameter(this, 'RepositoryOwner', { default: 'owner' });
    const name = new CfnParameter(this, 'RepositoryName', { default: 'llm-service' });
    const branch = new CfnParameter(this, 'BranchName', { default: 'main' });

    const repository = new ecr.Repository(this, 'ImageRepository', {
      repositoryName: 'llm-service',
      imageScanOnPush: true,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [{ maxImageCount: 50 }],
    });
    const bucket = new s3.Bucket(this, 'ArtifactBucket', {
      encryption: s3.BucketEncryption.S3_MANAGED,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      versioned: true,
    });
    new secrets.Secret(this, 'WebhookSecret');
    const build = this.project('BuildProject');
    const selfUpdate = this.project('SelfUpdateProject');
    const deploy = this.project('DeployProject');
    repository.grantPullPush(build);
    const deployRole = new iam.Role(this, 'InfraDeployRole', {
      assumedBy: new iam.ServicePrincipal('cloudformation.amazonaws.com'),
    });

    const source = new codepipeline.Artifact('Source');
    const built = new codepipeline.Artifact('Built');
    const pipeline = new codepipeline.Pipeline(this, 'Pipeline', {
      artifactBucket: bucket,
      pipelineType: codepipeline.PipelineType.V2,
    });
    pipeline.addStage({
      stageName: 'Source',
      actions: [
        new actions.GitHubSourceAction({
          actionName: 'GitHub',
          owner: owner.valueAsString,
          repo: name.valueAsString,
          branch: branch.valueAsString,
          oauthToken: SecretValue.secretsManager('deepseek-llm-service-pat', {
            jsonField: 'github-token',
          }),
          output: source,
        }),
      ],
    });
    pipeline.addStage({
      stageName: 'Build',
      actions: [
        new actions.CodeBuildAction({
          actionName: 'Image',
          project: build,
          input: source,
          outputs: [built],
        }),
      ],
    });
    pipeline.addStage({
      stageName: 'SelfUpdate',
      actions: [
        new actions.CodeBuildAction({ actionName: 'Update', project: selfUpdate, input: built }),
      ],
    });
    pipeline.addStage({
      stageName: 'Deploy',
      actions: [
        new actions.CloudFormationCreateReplaceChangeSetAction({
          actionName: 'Prepare',
          stackName: 'LlmServiceInfraStack',
          changeSetName: 'pipeline',
          adminPermissions: false,
          deploymentRole: deployRole,
          templatePath: built.atPath('LlmServiceInfraStack.template.json'),
          runOrder: 1,
        }),
        new actions.CloudFormationExecuteChangeSetAction({
          actionName: 'Execute',
          stackName: 'LlmServiceInfraStack',
          changeSetName: 'pipeline',
          runOrder: 2,
        }),
        new actions.CodeBuildAction({
          actionName: 'SmokeTest',
          project: deploy,
          input: built,
          runOrder: 3,
        }),
      ],
    });

    const topic = new sns.Topic(this, 'PipelineTopic');
    topic.addSubscription(new subscriptions.EmailSubscription('someone@example.com'));
    new events.Rule(this, 'FailedStageRule', {
      eventPattern: { source: ['aws.codepipeline'], detail: { state: ['FAILED'] } },
      targets: [new targets.SnsTopic(topic)],
    });
  }

  private project(id: string): codebuild.PipelineProject {
    return new codebuild.PipelineProject(this, id, {
      environment: { buildImage: codebuild.LinuxBuildImage.STANDARD_7_0, privileged: true },
      buildSpec: codebuild.BuildSpec.fromSourceFilename('buildspec.yml'),
      cache: codebuild.Cache.local(codebuild.LocalCacheMode.DOCKER_LAYER),
      logging: {
        cloudWatch: {
          logGroup: new logs.LogGroup(this, `${id}Logs`, {
            retention: logs.RetentionDays.ONE_MONTH,
          }),
        },
      },
    });
  }
}
