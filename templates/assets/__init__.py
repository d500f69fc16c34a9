from __future__ import annotations

import ast
from pathlib import Path

_FOLDER = Path(__file__).parent


def shell_asset(name: str) -> str:
    """Returns a shell script without comment lines and blank lines.

    User data holds 16,384 bytes and a template 51,200: what is only for readers stays in the file.
    The first line, which names the interpreter, is kept.

    Args:
        name: File name in this folder.
    """
    first, *rest = (_FOLDER / name).read_text(encoding="ascii").splitlines()
    kept = [line for line in rest if line.strip() and not line.lstrip().startswith("#")]
    return "\n".join([first, *kept]) + "\n"


def python_asset(name: str) -> str:
    """Returns a Python module without docstrings and comments, indented by one space.

    Args:
        name: File name in this folder.
    """
    text = (_FOLDER / name).read_text(encoding="ascii")
    docstring_lines = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
        and ast.get_docstring(node) is not None
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    kept = [
        _with_short_indentation(line)
        for number, line in enumerate(text.splitlines(), start=1)
        if number not in docstring_lines and line.strip() and not line.lstrip().startswith("#")
    ]
    return "\n".join(kept) + "\n"


def _with_short_indentation(line: str) -> str:
    # Only what stands in front of a line: the sources hold no string over several lines.
    code = line.lstrip(" ")
    return " " * ((len(line) - len(code)) // 4) + code
