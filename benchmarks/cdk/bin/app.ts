// The system of templates/ written with AWS CDK, for benchmarks/generate.py only.
import { App } from 'aws-cdk-lib';
import { InfraStack } from '../lib/infra-stack';
import { PipelineStack } from '../lib/pipeline-stack';

const app = new App();
new InfraStack(app, 'LlmServiceInfraStack');
new PipelineStack(app, 'LlmServiceCicdPipelineStack');
