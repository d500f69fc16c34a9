"""Byte-compiles the installed modules that the server and the node agent import.

The container has no right to write bytecode, so without this every start compiles some 2,500
modules again: 8 s instead of 3 s on a desktop core, more on a burstable one. Compiling everything
that is installed would add 130 MB to the image for modules that no process ever loads.

Usage: python compile_imports.py
"""

import importlib
import py_compile
import sys
from pathlib import Path

IMPORTED = (
    "boto3",
    "gguf",
    "google.rpc.error_details_pb2",
    "grpc.aio",
    "grpc_health.v1.health",
    "grpc_reflection.v1alpha.reflection",
    "grpc_status.rpc_status",
    "huggingface_hub",
    "jinja2.sandbox",
    "pydantic_settings",
    "safetensors.torch",
    "tokenizers",
    "torch",
    # One of each family that the engine knows; the rest of transformers is compiled when loaded.
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.deepseek_v2.modeling_deepseek_v2",
    "transformers.models.deepseek_v3.modeling_deepseek_v3",
    "transformers.models.gemma3.modeling_gemma3",
    "transformers.models.llama.modeling_llama",
    "transformers.models.qwen2.modeling_qwen2",
    "transformers.models.qwen3.modeling_qwen3",
)


def main() -> None:
    """Imports the modules above and compiles every source file that came with them.

    The bytecode is of the kind that is never checked against its source: the image is read-only,
    and the same sources then give the same bytes whatever time stamp they carry.
    """
    for name in IMPORTED:
        importlib.import_module(name)
    specs = (getattr(module, "__spec__", None) for module in list(sys.modules.values()))
    sources = {spec.origin for spec in specs if spec and spec.has_location}
    compiled = 0
    for source in sorted(filter(None, sources)):
        if Path(source).suffix == ".py":
            py_compile.compile(
                source,
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
            compiled += 1
    print(f"{compiled} modules compiled")


if __name__ == "__main__":
    main()
