import {
  CfnParameter,
  CustomResource,
  Duration,
  Stack,
  StackProps,
  aws_autoscaling as autoscaling,
  aws_cloudwatch as cloudwatch,
  aws_cloudwatch_actions as actions,
  aws_ec2 as ec2,
  aws_events as events,
  aws_events_targets as targets,
  aws_iam as iam,
  aws_lambda as lambda,
  aws_logs as logs,
  aws_servicediscovery as discovery,
  aws_sns as sns,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';

const ENDPOINTS = {
  EcrApi: ec2.InterfaceVpcEndpointAwsService.ECR,
  EcrDocker: ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
  Logs: ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
  Ssm: ec2.InterfaceVpcEndpointAwsService.SSM,
  SsmMessages: ec2.InterfaceVpcEndpointAwsService.SSM_MESSAGES,
  CloudFormation: ec2.InterfaceVpcEndpointAwsService.CLOUDFORMATION,
  AutoScaling: ec2.InterfaceVpcEndpointAwsService.AUTOSCALING,
  CloudMap: ec2.InterfaceVpcEndpointAwsService.CLOUD_MAP_SERVICE_DISCOVERY,
  SecretsManager: ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
};

export class InfraStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);
    const imageTag = new CfnParameter(this, 'ImageTag', { default: 'latest' });
    const modelName = new CfnParameter(this, 'ModelName', { default: 'model' });

    const vpc = this.network();
    const logGroup = new logs.LogGroup(this, 'LogGroup', {
      retention: logs.RetentionDays.ONE_MONTH,
    });
    const topic = new sns.Topic(this, 'AlarmTopic');
    const service = this.discovery(vpc);
    const group = this.fleet(vpc, logGroup, imageTag.valueAsString, modelName.valueAsString);
    group.node.addDependency(this.cleanup(service, group));
    this.watch(group, logGroup, topic);
  }

  private network(): ec2.Vpc {
    const vpc = new ec2.Vpc(this, 'Vpc', {
      ipAddresses: ec2.IpAddresses.cidr('10.0.0.0/16'),
      maxAzs: 3,
      natGateways: 3,
    });
    vpc.addGatewayEndpoint('S3', { service: ec2.GatewayVpcEndpointAwsService.S3 });
    for (const [name, service] of Object.entries(ENDPOINTS)) {
      vpc.addInterfaceEndpoint(name, { service });
    }
    return vpc;
  }

  private discovery(vpc: ec2.Vpc): discovery.Service {
    const namespace = new discovery.PrivateDnsNamespace(this, 'Namespace', {
      name: 'llm-service',
      vpc,
    });
    return namespace.createService('DiscoveryService', {
      name: 'llm',
      dnsRecordType: discovery.DnsRecordType.A,
      dnsTtl: Duration.seconds(10),
      customHealthCheck: { failureThreshold: 1 },
    });
  }

  private fleet(
    vpc: ec2.Vpc,
    logGroup: logs.LogGroup,
    imageTag: string,
    modelName: string,
  ): autoscaling.AutoScalingGroup {
    const role = new iam.Role(this, 'InstanceRole', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
      managedPolicies: [
        iam.ManagedPolicy.fromAwsManagedPolicyName('AmazonSSMManagedInstanceCore'),
        iam.ManagedPolicy.fromAwsManagedPolicyName('AmazonEC2ContainerRegistryReadOnly'),
      ],
    });
    logGroup.grantWrite(role);
    const clients = new ec2.SecurityGroup(this, 'ClientSecurityGroup', { vpc });
    const servers = new ec2.SecurityGroup(this, 'FleetSecurityGroup', { vpc });
    servers.addIngressRule(clients, ec2.Port.tcp(50051), 'gRPC');
    const userData = ec2.UserData.forLinux();
    const registry = `${this.account}.dkr.ecr.${this.region}.amazonaws.com`;
    userData.addCommands(
      'dnf install -y docker && systemctl enable --now docker',
      `aws ecr get-login-password --region ${this.region} | docker login --username AWS --password-stdin ${registry}`,
      `docker run -d --restart always -p 50051:50051 -e MODEL_NAME=${modelName} ${registry}/llm-service:${imageTag}`,
    );
    const launchTemplate = new ec2.LaunchTemplate(this, 'LaunchTemplate', {
      machineImage: ec2.MachineImage.latestAmazonLinux2023(),
      instanceType: new ec2.InstanceType('t3.micro'),
      requireImdsv2: true,
      httpPutResponseHopLimit: 2,
      detailedMonitoring: true,
      cpuCredits: ec2.CpuCredits.STANDARD,
      securityGroup: servers,
      role,
      userData,
      blockDevices: [
        {
          deviceName: '/dev/xvda',
          volume: ec2.BlockDeviceVolume.ebs(30, {
            encrypted: true,
            volumeType: ec2.EbsDeviceVolumeType.GP3,
          }),
        },
      ],
    });
    const group = new autoscaling.AutoScalingGroup(this, 'AutoScalingGroup', {
      vpc,
      minCapacity: 1,
      maxCapacity: 4,
      capacityRebalance: true,
      signals: autoscaling.Signals.waitForMinCapacity({ timeout: Duration.minutes(20) }),
      updatePolicy: autoscaling.UpdatePolicy.rollingUpdate({ minInstancesInService: 1 }),
      mixedInstancesPolicy: {
        instancesDistribution: { onDemandPercentageAboveBaseCapacity: 0 },
        launchTemplate,
        launchTemplateOverrides: [
          { instanceType: new ec2.InstanceType('t3.micro') },
          { instanceType: new ec2.InstanceType('t3a.micro') },
        ],
      },
    });
    group.scaleOnCpuUtilization('Cpu', { targetUtilizationPercent: 70 });
    group.addLifecycleHook('Drain', {
      lifecycleTransition: autoscaling.LifecycleTransition.INSTANCE_TERMINATING,
    });
    return group;
  }

  private cleanup(
    service: discovery.Service,
    group: autoscaling.AutoScalingGroup,
  ): CustomResource {
    const handler = new lambda.Function(this, 'DeregisterFunction', {
      runtime: lambda.Runtime.PYTHON_3_13,
      handler: 'index.handler',
      timeout: Duration.minutes(5),
      code: lambda.Code.fromInline('def handler(event, context):\n    return None\n'),
      environment: { SERVICE_ID: service.serviceId },
      logGroup: new logs.LogGroup(this, 'DeregisterLogGroup', {
        retention: logs.RetentionDays.ONE_MONTH,
      }),
    });
    handler.addToRolePolicy(
      new iam.PolicyStatement({
        actions: ['servicediscovery:DeregisterInstance', 'servicediscovery:ListInstances'],
        resources: [service.serviceArn],
      }),
    );
    new events.Rule(this, 'InstanceEndRule', {
      eventPattern: { source: ['aws.ec2'], detail: { state: ['shutting-down', 'terminated'] } },
      targets: [new targets.LambdaFunction(handler)],
    });
    new events.Rule(this, 'SweepRule', {
      schedule: events.Schedule.rate(Duration.minutes(5)),
      targets: [new targets.LambdaFunction(handler)],
    });
    return new CustomResource(this, 'DeregisterAll', { serviceToken: handler.functionArn });
  }

  private watch(
    group: autoscaling.AutoScalingGroup,
    logGroup: logs.LogGroup,
    topic: sns.Topic,
  ): void {
    const errors = logGroup
      .addMetricFilter('LogErrors', {
        filterPattern: logs.FilterPattern.anyTerm('ERROR'),
        metricNamespace: 'LlmService',
        metricName: 'LogErrors',
      })
      .metric();
    const metric = (metricName: string, namespace: string) =>
      new cloudwatch.Metric({
        namespace,
        metricName,
        dimensionsMap: { AutoScalingGroupName: group.autoScalingGroupName },
      });
    const alarms: Record<string, [cloudwatch.Metric, number]> = {
      HighCpu: [metric('CPUUtilization', 'AWS/EC2'), 90],
      NoHealthyInstance: [metric('HealthyInstances', 'LlmService'), 1],
      UnhealthyShare: [metric('UnhealthyShare', 'LlmService'), 50],
      ManyLogErrors: [errors, 10],
      ManySpotInterruptions: [metric('SpotInterruptions', 'LlmService'), 3],
    };
    for (const [name, [value, threshold]] of Object.entries(alarms)) {
      new cloudwatch.Alarm(this, name, {
        metric: value,
        threshold,
        evaluationPeriods: 3,
      }).addAlarmAction(new actions.SnsAction(topic));
    }
    new cloudwatch.Dashboard(this, 'Dashboard').addWidgets(
      ...Object.entries(alarms).map(
        ([title, [value]]) => new cloudwatch.GraphWidget({ title, left: [value] }),
      ),
    );
  }
}
