"""Programs that travel inside a template, without what is only for their readers.

User data holds 16,384 bytes and a template 51,200: comments, docstrings and annotations stay in
the files of this folder.
"""

from __future__ import annotations

import ast
from pathlib import Path

FOLDER = Path(__file__).parent
PACKED_NAME = "deregister.packed"


def shell_asset(name: str) -> str:
    """Returns a shell script without comment lines and blank lines, but for its first line.

    Args:
        name: File name in this folder.
    """
    first, *rest = (FOLDER / name).read_text(encoding="ascii").splitlines()
    return "\n".join([first, *(line for line in rest if _is_code(line))]) + "\n"


def python_asset(name: str) -> str:
    """Returns a Python module without docstrings, comments and annotations, indented by one space.

    Its text is cut, not written anew from the syntax tree, whose spelling differs between versions
    of Python.

    Args:
        name: File name in this folder; no string in it goes over several lines but docstrings.
    """
    text = (FOLDER / name).read_text(encoding="ascii")
    for start, end in sorted(_not_needed(text), reverse=True):
        text = text[:start] + text[end:]
    return "\n".join(_indented_by_one(line) for line in text.splitlines() if _is_code(line)) + "\n"


def packed_python_asset() -> str:
    """Returns the Lambda function's module, whose source is deregister.py in compressed form.

    As text it would take a tenth of what a template may have: see docs/infrastructure.md.
    """
    packed = (FOLDER / PACKED_NAME).read_text(encoding="ascii").strip()
    return (
        "# templates/assets/deregister.py without its comments, compressed to fit the template.\n"
        f"import base64, zlib\nexec(zlib.decompress(base64.b64decode('{packed}')))\n"
    )


def _not_needed(text: str) -> list[tuple[int, int]]:
    """Returns where docstrings and the annotations of functions begin and end."""
    line_starts = [0]
    for line in text.splitlines(keepends=True):
        line_starts.append(line_starts[-1] + len(line))

    def span(node: ast.expr | ast.stmt | ast.arg) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = line_starts[node.lineno - 1] + node.col_offset
        return start, line_starts[node.end_lineno - 1] + node.end_col_offset

    spans = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.FunctionDef) and ast.get_docstring(node) is not None:
            spans.append(span(node.body[0]))
        if isinstance(node, ast.arg) and node.annotation is not None:
            start, end = span(node)
            spans.append((start + len(node.arg), end))
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            start, end = span(node.returns)
            spans.append((text.rindex(")", 0, start) + 1, end))
    return spans


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _indented_by_one(line: str) -> str:
    code = line.lstrip(" ")
    return " " * ((len(line) - len(code)) // 4) + code
