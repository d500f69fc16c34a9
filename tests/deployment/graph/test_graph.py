from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from deployment.graph.graph_layout import Box, GraphLayout
from deployment.graph.graph_svg import GraphSvg
from deployment.graph.resource_kind import kind_of
from deployment.graph.template_graph import Edge, TemplateGraph
from templates.stacks import ALL_STACKS

SVG = "{http://www.w3.org/2000/svg}"


def resource(type_name: str, depends_on: Any = None, **properties: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"Type": type_name, "Properties": properties}
    if depends_on:
        found["DependsOn"] = depends_on
    return found


NETWORK = {
    "Vpc": resource("AWS::EC2::VPC"),
    "Gateway": resource("AWS::EC2::InternetGateway"),
    "Attachment": resource(
        "AWS::EC2::VPCGatewayAttachment",
        VpcId={"Ref": "Vpc"},
        InternetGatewayId={"Ref": "Gateway"},
    ),
    "Subnet": resource(
        "AWS::EC2::Subnet",
        VpcId={"Ref": "Vpc"},
        AvailabilityZone={"Fn::Select": [1, {"Fn::GetAZs": ""}]},
        MapPublicIpOnLaunch=True,
    ),
    "Table": resource("AWS::EC2::RouteTable", VpcId={"Ref": "Vpc"}),
    "Association": resource(
        "AWS::EC2::SubnetRouteTableAssociation",
        SubnetId={"Ref": "Subnet"},
        RouteTableId={"Ref": "Table"},
    ),
    "Route": resource(
        "AWS::EC2::Route",
        "Attachment",
        RouteTableId={"Ref": "Table"},
        GatewayId={"Ref": "Gateway"},
    ),
    "Nat": resource(
        "AWS::EC2::NatGateway",
        SubnetId={"Ref": "Subnet"},
        AllocationId={"Fn::GetAtt": ["Address", "AllocationId"]},
    ),
    "Address": resource("AWS::EC2::EIP"),
    "Group": resource(
        "AWS::AutoScaling::AutoScalingGroup", ["Route"], VPCZoneIdentifier=[{"Ref": "Subnet"}]
    ),
}


def test_links_become_lines_and_what_needs_them_needs_their_end() -> None:
    graph = TemplateGraph(NETWORK)
    assert graph.link_names == ["Association", "Attachment", "Route"]
    assert Edge("Subnet", "Table", "Association") in graph.edges
    assert Edge("Table", "Gateway", "Route") in graph.edges
    assert Edge("Group", "Subnet") in graph.edges
    assert Edge("Group", "Gateway", "Route", is_order=True) in graph.edges
    assert {node.name for node in graph.nodes}.isdisjoint(graph.link_names)


def test_zones_come_from_subnets_and_pass_to_what_is_tied_to_one() -> None:
    nodes = {node.name: node for node in TemplateGraph(NETWORK).nodes}
    zones = {name: node.zone for name, node in nodes.items()}
    assert zones == {
        "Vpc": None,
        "Gateway": None,
        "Subnet": 1,
        "Table": 1,
        "Nat": 1,
        "Address": 1,
        "Group": None,
    }
    assert nodes["Subnet"].public


def test_references_are_found_in_every_form_and_plain_text_is_none() -> None:
    graph = TemplateGraph(
        {
            "A": resource(
                "AWS::SNS::Topic",
                One={"Ref": "B"},
                Two={"Fn::GetAtt": "C.Arn"},
                Three={"Fn::Sub": "${D}/${E.Arn}/${!F}/${AWS::Region}"},
                Four={"Fn::Sub": ["${X}", {"X": {"Ref": "G"}}]},
                Five=["H", {"Fn::If": ["Condition", {"Ref": "I"}, "J"]}],
                Six={"Ref": "Parameter"},
            ),
            **{name: resource("AWS::SQS::Queue") for name in "BCDEFGHIJ"},
        }
    )
    assert [edge.target for edge in graph.edges] == ["B", "C", "D", "E", "G", "I"]


@pytest.mark.parametrize(
    ("type_name", "title"),
    [
        ("AWS::EC2::Subnet", "Network"),
        ("AWS::EC2::LaunchTemplate", "Compute"),
        ("AWS::AutoScaling::AutoScalingGroup", "Compute"),
        ("AWS::CodePipeline::Pipeline", "Delivery"),
        ("AWS::ServiceDiscovery::Service", "Discovery"),
        ("AWS::IAM::Role", "Permissions"),
        ("AWS::S3::Bucket", "Storage"),
        ("AWS::CloudWatch::Alarm", "Watching"),
        ("Custom::Thing", "Functions"),
        ("AWS::Timestream::Database", "Other"),
    ],
)
def test_types_are_grouped_as_people_think_of_them(type_name: str, title: str) -> None:
    assert kind_of(type_name).title == title


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.right
        and other.x < one.right
        and one.y < other.bottom
        and other.y < one.bottom
    )


@pytest.mark.parametrize("stack", ALL_STACKS, ids=lambda stack: stack.name)
def test_every_resource_is_drawn_and_no_card_lies_on_another(stack: Any) -> None:
    resources = stack().to_dict()["Resources"]
    graph = TemplateGraph(resources)
    assert {node.name for node in graph.nodes} | set(graph.link_names) == set(resources)
    layout = GraphLayout(graph)
    assert set(layout.cards) == {node.name for node in graph.nodes}
    for one, other in itertools.combinations(layout.cards.values(), 2):
        assert not overlap(one, other)
    for card in layout.cards.values():
        homes = [
            group
            for group in layout.groups
            if group.box.x <= card.x
            and card.right <= group.box.right
            and group.box.y <= card.y
            and card.bottom <= group.box.bottom
        ]
        assert homes, card


@pytest.mark.parametrize("stack", ALL_STACKS, ids=lambda stack: stack.name)
def test_groups_do_not_overlap_but_zones_in_their_network(stack: Any) -> None:
    layout = GraphLayout(TemplateGraph(stack().to_dict()["Resources"]))
    outer = [group for group in layout.groups if not group.title.startswith("Zone ")]
    for one, other in itertools.combinations(outer, 2):
        assert not overlap(one.box, other.box), (one.title, other.title)


def test_the_picture_is_valid_says_everything_and_is_the_same_every_time() -> None:
    resources = {**NETWORK, "Odd": {**resource("AWS::SNS::Topic"), "Condition": "C"}}
    first = GraphSvg("demo & <co>", TemplateGraph(resources)).to_svg()
    assert first == GraphSvg("demo & <co>", TemplateGraph(resources)).to_svg()
    picture = ET.fromstring(first)
    titles = {item.text for item in picture.iter(f"{SVG}title")}
    assert "demo & <co>" in titles
    assert "Odd (AWS::SNS::Topic)" in titles
    assert "Table -> Gateway (Route)" in titles
    # That a subnet lies in its VPC is said by the box.
    assert "Subnet -> Vpc" not in titles
    dashed = [item for item in picture.iter(f"{SVG}rect") if item.get("stroke-dasharray")]
    assert len(dashed) == 1


def test_a_template_without_resources_is_an_empty_picture() -> None:
    ET.fromstring(GraphSvg("empty", TemplateGraph({})).to_svg())
