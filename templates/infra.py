from __future__ import annotations

from templates.auto_scaling import Fleet
from templates.capacity_mapping import add_startup_seconds
from templates.capacity_parameters import CapacityParameters
from templates.discovery import Discovery
from templates.infra_conditions import infra_conditions
from templates.infra_outputs import add_outputs
from templates.infra_rules import add_rules
from templates.launch_template import FleetLaunchTemplate
from templates.monitoring import Monitoring
from templates.network import Network
from templates.network_parameters import NetworkParameters
from templates.operations_parameters import OperationsParameters
from templates.service_parameters import ServiceParameters
from templates.stack import Stack


class LlmServiceInfraStack(Stack):
    """The runtime: network, fleet of model servers, discovery and monitoring."""

    name = "LlmServiceInfraStack"
    description = "LLM service: a fleet of model servers on EC2, found through Cloud Map."

    def build(self) -> None:
        """Adds the parts in the order in which they are explained in docs/infrastructure.md."""
        for group in (
            ServiceParameters,
            CapacityParameters,
            NetworkParameters,
            OperationsParameters,
        ):
            self.add_parameters(group.all())
        for name, condition in infra_conditions().items():
            self.template.add_condition(name, condition)
        add_startup_seconds(self.template)
        add_rules(self.template)
        network = Network(self.template)
        Monitoring(self.template)
        discovery = Discovery(self.template, network.vpc_id)
        launch_template = FleetLaunchTemplate(self.template, network.fleet_group_id)
        Fleet(
            self.template,
            launch_template,
            network.subnet_ids,
            routes=network.routes,
            cleanup=discovery.cleanup,
        )
        add_outputs(self.template, network)
