from __future__ import annotations

from pathlib import Path

import gguf
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter
from gguf.quants import dequantize, quantize

_WRITTEN_BY_THE_WRITER = ("GGUF.", "general.architecture", "general.file_type")


def write_variant(source: Path, target: Path, tensor_type: GGMLQuantizationType) -> None:
    """Writes a GGUF file's weights anew in another type, so that llama.cpp runs what we run.

    Args:
        source: The file to read, of any type.
        target: The file to write; it appears when it is whole.
        tensor_type: Type of all matrices. Vectors stay in float32, as llama.cpp wants them.
    """
    reader = GGUFReader(source)
    architecture = reader.fields[gguf.Keys.General.ARCHITECTURE].contents()
    partial = target.with_suffix(".partial")
    writer = GGUFWriter(partial, architecture)
    for field in reader.fields.values():
        if not field.name.startswith(_WRITTEN_BY_THE_WRITER):
            kind = field.types[0]
            item = field.types[-1] if kind == GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), kind, sub_type=item)
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type)
        kept = GGMLQuantizationType.F32 if values.ndim == 1 else tensor_type
        writer.add_tensor(tensor.name, quantize(values, kept), raw_dtype=kept)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.replace(target)
