from __future__ import annotations

from html import escape

from deployment.graph.graph_layout import Box, GraphLayout, Group
from deployment.graph.resource_kind import NETWORK
from deployment.graph.template_graph import Edge, Node, TemplateGraph

MARGIN = 28
TITLE = 44
LEGEND = 40
LONGEST_NAME = 27
LONGEST_TYPE = 31
FONT = "Helvetica,Arial,sans-serif"
INK = "#24292f"
STYLE = (
    ".edge{fill:none;stroke-width:1.3;opacity:.55}"
    ".inner{stroke-width:1;opacity:.4}"
    ".order{stroke-width:1;opacity:.3;stroke-dasharray:2 3}"
    ".edge:hover{stroke-width:3;opacity:1}"
)


class GraphSvg:
    """Draws a template's graph as SVG: lines below, cards on top, names in full as tooltips.

    Args:
        title: Heading of the picture.
        graph: What is drawn.
    """

    def __init__(self, title: str, graph: TemplateGraph) -> None:
        self._title = title
        self._graph = graph
        self._layout = GraphLayout(graph)
        self._nodes = {node.name: node for node in graph.nodes}

    def to_svg(self) -> str:
        """Returns the picture as an SVG document; the same graph gives the same bytes."""
        width = max(self._layout.width + 2 * MARGIN, 720)
        height = self._layout.height + 2 * MARGIN + TITLE + LEGEND
        parts = [
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0f} {height:.0f}' "
            f"width='{width:.0f}' height='{height:.0f}' font-family='{FONT}' role='img'>",
            f"<title>{escape(self._title)}</title>",
            f"<style>{STYLE}</style>",
            _arrow(),
            f"<rect width='{width:.0f}' height='{height:.0f}' fill='#ffffff'/>",
            _text(MARGIN, 42, self._title, size=20, weight="bold"),
            f"<g transform='translate({MARGIN},{MARGIN + TITLE - 8})'>",
            *(_group(group) for group in self._layout.groups),
            *(self._edge(edge) for edge in self._graph.edges if self._is_drawn(edge)),
            *(_card(node, self._layout.cards[node.name]) for node in self._graph.nodes),
            "</g>",
            self._legend(height),
            "</svg>",
        ]
        return "\n".join(parts) + "\n"

    def _is_drawn(self, edge: Edge) -> bool:
        """All but "lies in this VPC", which the box says already."""
        source, target = self._nodes.get(edge.source), self._nodes.get(edge.target)
        if source is None or target is None:
            return False
        return not (target.type == "AWS::EC2::VPC" and source.kind is NETWORK)

    def _edge(self, edge: Edge) -> str:
        source, target = self._nodes[edge.source], self._nodes[edge.target]
        style = " order" if edge.is_order else " inner" if source.kind is target.kind else ""
        tip = f"{edge.source} -> {edge.target}" + (f" ({edge.label})" if edge.label else "")
        path = _curve(self._layout.cards[edge.source], self._layout.cards[edge.target])
        return (
            f"<path class='edge{style}' d='{path}' stroke='{source.kind.colour}' "
            f"marker-end='url(#arrow)'><title>{escape(tip)}</title></path>"
        )

    def _legend(self, height: float) -> str:
        cards = len(self._graph.nodes)
        links = len(self._graph.link_names)
        words = (
            f"{cards + links} resources: {cards} cards"
            + (f", {links} drawn as lines (routes, associations, attachments)" if links else "")
            + ". An arrow points at what is needed, a dotted one at what must only be made before. "
            "Dashed card: made under a condition only."
        )
        return _text(MARGIN, height - 18, words, size=12, colour="#5d6672")


def _group(group: Group) -> str:
    box = group.box
    return (
        f"<rect x='{box.x:.0f}' y='{box.y:.0f}' width='{box.width:.0f}' height='{box.height:.0f}' "
        f"rx='10' fill='{group.colour}' fill-opacity='.07' stroke='{group.colour}' "
        f"stroke-opacity='.6'/>"
        + _text(box.x + 12, box.y + 20, group.title, size=13, weight="bold", colour=group.colour)
    )


def _card(node: Node, box: Box) -> str:
    dashed = " stroke-dasharray='5 3'" if node.conditional else ""
    name = node.name if len(node.name) <= LONGEST_NAME else f"{node.name[: LONGEST_NAME - 1]}…"
    return (
        f"<g><title>{escape(f'{node.name} ({node.type})')}</title>"
        f"<rect x='{box.x:.0f}' y='{box.y:.0f}' width='{box.width:.0f}' height='{box.height:.0f}' "
        f"rx='6' fill='#ffffff' stroke='{node.kind.colour}' stroke-width='1.4'{dashed}/>"
        f"<rect x='{box.x:.0f}' y='{box.y:.0f}' width='5' height='{box.height:.0f}' rx='2' "
        f"fill='{node.kind.colour}'/>"
        + _text(box.x + 14, box.y + 19, name, size=13, weight="bold")
        + _text(box.x + 14, box.y + 35, _short_type(node), size=11, colour="#5d6672")
        + "</g>"
    )


def _short_type(node: Node) -> str:
    parts = node.type.split("::")
    words = " ".join(parts[1:]) if parts[0] == "AWS" else node.type
    if len(words) > LONGEST_TYPE:
        words = parts[-1][:LONGEST_TYPE]
    return f"{words}, public" if node.public else words


def _curve(start: Box, end: Box) -> str:
    """A line that leaves and enters cards at the sides that face each other."""
    from_y, to_y = start.y + start.height / 2, end.y + end.height / 2
    if end.x >= start.right:
        from_x, to_x, out, back = start.right, end.x, 1, -1
    elif end.right <= start.x:
        from_x, to_x, out, back = start.x, end.right, -1, 1
    else:
        # One above the other: a bow beside the column.
        from_x, to_x, out, back = start.right, end.right, 1, 1
    bend = max(18.0, min(abs(to_x - from_x) / 2, 160.0))
    return (
        f"M{from_x:.0f},{from_y:.0f} C{from_x + out * bend:.0f},{from_y:.0f} "
        f"{to_x + back * bend:.0f},{to_y:.0f} {to_x:.0f},{to_y:.0f}"
    )


def _arrow() -> str:
    return (
        "<defs><marker id='arrow' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' "
        "markerHeight='7' orient='auto'><path d='M0,0 L8,4 L0,8 z' fill='#5d6672'/></marker></defs>"
    )


def _text(
    x: float, y: float, text: str, *, size: int, weight: str = "normal", colour: str = INK
) -> str:
    return (
        f"<text x='{x:.0f}' y='{y:.0f}' font-size='{size}' font-weight='{weight}' "
        f"fill='{colour}'>{escape(text)}</text>"
    )
