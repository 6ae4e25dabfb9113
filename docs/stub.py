"""Imports the Python package from its sources, with the stub in place of the native module.

The reference needs no build then, and has the types and the documentation of the stub.
"""

import ast
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_loader
from pathlib import Path
from types import CodeType

PYTHON = Path(__file__).parents[1] / "python"
NATIVE = "countermand._countermand"


class StubLoader(SourceFileLoader):
    """Loads a stub, whose imports form a circle and name types that exist for checkers only."""

    def source_to_code(  # type: ignore[override]
        self, data: bytes, path: str, *, _optimize: int = -1
    ) -> CodeType:
        body: list[ast.stmt] = [ast.ImportFrom("__future__", [ast.alias("annotations")], 0)]
        for node in ast.parse(data).body:
            if isinstance(node, ast.ImportFrom) and node.level:
                for one in node.names:
                    text = f"try: from .{node.module} import {one.name}\nexcept ImportError:\n"
                    body += ast.parse(f"{text} class {one.name}: ...").body
            elif isinstance(node, ast.AnnAssign) and node.value is None:
                body += [node, *ast.parse(f"{ast.unparse(node.target)} = None").body]
            else:
                body.append(node)
        module = ast.fix_missing_locations(ast.Module(body, []))
        return compile(module, path, "exec", dont_inherit=True)


class StubFinder:
    """Finds the stub where the native module is looked for."""

    @staticmethod
    def find_spec(name: str, *_: object) -> ModuleSpec | None:
        if name != NATIVE:
            return None
        path = PYTHON / (NATIVE.replace(".", "/") + ".pyi")
        return spec_from_loader(name, StubLoader(name, str(path)))


def use_sources() -> None:
    """Makes ``import countermand`` read the sources."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(PYTHON))
    sys.meta_path.insert(0, StubFinder)
