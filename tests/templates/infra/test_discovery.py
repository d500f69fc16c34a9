"""Facts of Cloud Map."""

from __future__ import annotations

from typing import Any

from templates.assets import FOLDER, PACKED_NAME, packed_python_asset, python_asset


def test_the_private_namespace_has_no_route_53_checks(deploy: Any) -> None:
    service = deploy().properties("DiscoveryService")
    assert "HealthCheckConfig" not in service
    assert service["HealthCheckCustomConfig"] == {"FailureThreshold": 1}


def test_each_instance_is_an_a_record_that_does_not_live_long(template: Any, deploy: Any) -> None:
    deployed = deploy()
    config = deployed.properties("DiscoveryService")["DnsConfig"]
    assert config["RoutingPolicy"] == "MULTIVALUE"
    assert [record["Type"] for record in config["DnsRecords"]] == ["A"]
    assert template["Parameters"]["RecordTtlSeconds"]["MaxValue"] <= 30
    namespace = deployed.properties("Namespace")
    assert namespace["Name"] == "llm-service"
    # How long resolvers hold that a name does not exist.
    assert namespace["Properties"]["DnsProperties"]["SOA"]["TTL"] <= 30


def test_the_function_is_what_its_source_says() -> None:
    assert "def handler" in python_asset("deregister.py")
    namespace: dict[str, Any] = {}
    text = packed_python_asset().replace("exec(", "text = (")
    exec(text, namespace)
    assert namespace["text"].decode() == python_asset("deregister.py"), (
        "run python -m templates.assets.pack, then make golden"
    )
    assert (FOLDER / PACKED_NAME).read_text().isascii()


def test_what_travels_of_a_module_is_the_same_program() -> None:
    import ast

    source = ast.parse((FOLDER / "deregister.py").read_text())
    for node in ast.walk(source):
        if isinstance(node, ast.Module | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body.pop(0)
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.FunctionDef):
            node.returns = None
    assert ast.dump(ast.parse(python_asset("deregister.py"))) == ast.dump(source)


def test_ended_instances_and_the_clock_start_the_function(deploy: Any) -> None:
    deployed = deploy()
    rules = deployed.of_type("AWS::Events::Rule")
    function = deployed.resolver.resolve({"Fn::GetAtt": ["DeregisterFunction", "Arn"]})
    for name in ("InstanceEndRule", "SweepRule"):
        assert [target["Arn"] for target in rules[name]["Targets"]] == [function]
    pattern = rules["InstanceEndRule"]["EventPattern"]
    assert pattern["detail-type"] == ["EC2 Instance State-change Notification"]
    assert set(pattern["detail"]["state"]) == {"shutting-down", "terminated"}
    assert rules["SweepRule"]["ScheduleExpression"] == "rate(5 minutes)"
    permission = deployed.properties("RulesPermission")
    assert permission["Principal"] == "events.amazonaws.com"
    # CloudFormation names rules by the stack and their logical name.
    assert permission["SourceArn"] == (
        "arn:aws:events:eu-west-1:123456789012:rule/LlmServiceInfraStack-*"
    )


def test_cloudformation_waits_longer_than_the_function_can_take(deploy: Any) -> None:
    deployed = deploy()
    function = deployed.properties("DeregisterFunction")
    assert deployed.properties("DeregisterAll")["ServiceTimeout"] > function["Timeout"]
    assert function["Handler"] == "index.handler"
