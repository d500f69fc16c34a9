from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deployment.graph.resource_kind import KINDS, NETWORK, OTHER, ResourceKind
from deployment.graph.template_graph import Node, TemplateGraph

CARD_WIDTH, CARD_HEIGHT = 204, 44
GAP_X, GAP_Y = 26, 14
PADDING = 16
HEADING = 34
BETWEEN = 64
# From the internet inwards, as a packet travels.
_ZONE_ORDER = {
    "AWS::EC2::NatGateway": 1,
    "AWS::EC2::EIP": 2,
    "AWS::EC2::Subnet": 3,
    "AWS::EC2::RouteTable": 4,
}


@dataclass(frozen=True)
class Box:
    """A rectangle, in pixels from the picture's upper left corner.

    Attributes:
        x: Left side.
        y: Upper side.
        width: Width.
        height: Height.
    """

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Lower side."""
        return self.y + self.height


@dataclass(frozen=True)
class Group:
    """A box with a heading.

    Attributes:
        title: Heading.
        colour: Colour of its edge.
        box: Where it is.
    """

    title: str
    colour: str
    box: Box


class GraphLayout:
    """Where each card and group of a graph goes: the network to the left, zones side by side.

    Args:
        graph: What is to be laid out.
    """

    def __init__(self, graph: TemplateGraph) -> None:
        self.cards: dict[str, Box] = {}
        self.groups: list[Group] = []
        self._neighbours = _neighbours(graph)
        members: dict[ResourceKind, list[Node]] = {}
        for node in graph.nodes:
            members.setdefault(node.kind, []).append(node)
        left = 0.0
        if NETWORK in members:
            left = self._network(members.pop(NETWORK)) + BETWEEN
        self._others(members, left)
        boxes = [group.box for group in self.groups]
        self.width = max((box.right for box in boxes), default=0.0)
        self.height = max((box.bottom for box in boxes), default=0.0)

    def _network(self, nodes: Sequence[Node]) -> float:
        """Lays the VPC out and returns its right side."""
        vpcs = [node for node in nodes if node.type == "AWS::EC2::VPC"]
        zones = sorted({node.zone for node in nodes if node.zone is not None})
        columns = max(len(zones), 2)
        y = float(HEADING)
        for vpc in vpcs:
            self.cards[vpc.name] = Box(PADDING, y, CARD_WIDTH, CARD_HEIGHT)
            y += CARD_HEIGHT + GAP_Y
        bottom = y
        for column, zone in enumerate(zones):
            inside = sorted((node for node in nodes if node.zone == zone), key=_zone_rank)
            bottom = max(bottom, self._zone(f"Zone {zone + 1}", inside, column, y))
        shared = [node for node in nodes if node.zone is None and node not in vpcs]
        bottom = self._grid(shared, PADDING, bottom, columns)
        width = 2 * PADDING + columns * CARD_WIDTH + (columns - 1) * GAP_X
        box = Box(0, 0, width, bottom - GAP_Y + PADDING)
        # Outer groups are drawn first, under the zones.
        self.groups.insert(0, Group("Network", NETWORK.colour, box))
        return box.right

    def _zone(self, title: str, nodes: Sequence[Node], column: int, y: float) -> float:
        """Lays one zone's column out and returns where the next row may begin."""
        x = PADDING + column * (CARD_WIDTH + GAP_X)
        inner = y + HEADING - 8
        end = self._grid(nodes, x, inner, 1)
        box = Box(x - 8, y, CARD_WIDTH + 16, end - GAP_Y + 8 - y)
        self.groups.append(Group(title, "#4f7ba6", box))
        return box.bottom + GAP_Y

    def _others(self, members: dict[ResourceKind, list[Node]], left: float) -> None:
        """Lays the other groups out in columns of about one height."""
        kinds = [kind for kind in (*KINDS, OTHER) if kind in members]
        total = sum(_group_height(members[kind]) + BETWEEN / 2 for kind in kinds)
        network_height = max((group.box.bottom for group in self.groups), default=0.0)
        limit = max(network_height, total / 2, CARD_HEIGHT * 4)
        x, y, widest = left, 0.0, 0.0
        for kind in kinds:
            nodes = self._ordered(members[kind])
            height = _group_height(nodes)
            if y and y + height > limit * 1.05:
                x, y, widest = x + widest + BETWEEN, 0.0, 0.0
            columns = _columns(nodes)
            self._grid(nodes, x + PADDING, y + HEADING, columns)
            width = 2 * PADDING + columns * CARD_WIDTH + (columns - 1) * GAP_X
            self.groups.append(Group(kind.title, kind.colour, Box(x, y, width, height)))
            y += height + BETWEEN / 2
            widest = max(widest, width)

    def _ordered(self, nodes: Sequence[Node]) -> list[Node]:
        """Cards near those they are tied to, so that lines cross less."""

        def height(node: Node) -> float:
            placed = [
                self.cards[name].y for name in self._neighbours[node.name] if name in self.cards
            ]
            return sum(placed) / len(placed) if placed else float("inf")

        return sorted(nodes, key=lambda node: (height(node), node.type, node.name))

    def _grid(self, nodes: Sequence[Node], x: float, y: float, columns: int) -> float:
        """Places cards row by row and returns where the next row would begin."""
        for index, node in enumerate(nodes):
            row, column = divmod(index, columns)
            self.cards[node.name] = Box(
                x + column * (CARD_WIDTH + GAP_X),
                y + row * (CARD_HEIGHT + GAP_Y),
                CARD_WIDTH,
                CARD_HEIGHT,
            )
        return y + -(-len(nodes) // columns) * (CARD_HEIGHT + GAP_Y)


def _columns(nodes: Sequence[Node]) -> int:
    return 1 if len(nodes) <= 4 else 2


def _group_height(nodes: Sequence[Node]) -> float:
    rows = -(-len(nodes) // _columns(nodes))
    return HEADING + rows * (CARD_HEIGHT + GAP_Y) - GAP_Y + PADDING


def _zone_rank(node: Node) -> tuple[int, str]:
    rank = 0 if node.public else _ZONE_ORDER.get(node.type, 5)
    # Without MapPublicIpOnLaunch the name is all that tells a public subnet from a private one.
    if node.type == "AWS::EC2::Subnet" and "public" in node.name.lower():
        rank = 0
    return rank, node.name


def _neighbours(graph: TemplateGraph) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {node.name: set() for node in graph.nodes}
    for edge in graph.edges:
        if edge.source in found and edge.target in found:
            found[edge.source].add(edge.target)
            found[edge.target].add(edge.source)
    return found
