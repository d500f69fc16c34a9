import hashlib

import torch
from transformers import PreTrainedModel

_VALUES_PER_PARAMETER = 256


def weights_fingerprint(model: PreTrainedModel) -> str:
    """A short text that is the same for the same model and most certainly another for another one.

    It tells whether two servers answer with the same model, whatever folder each has it in. A
    sample of every parameter is enough for that: training changes all of them. The sample is
    rounded to bfloat16, so that servers that chose different types agree.

    Args:
        model: The model, before an engine takes its weights.
    """
    digest = hashlib.sha256(type(model).__name__.encode())
    for name, parameter in model.named_parameters():
        sample = parameter.detach().flatten()[:_VALUES_PER_PARAMETER].to(torch.bfloat16).cpu()
        digest.update(f"{name}{tuple(parameter.shape)}".encode())
        digest.update(sample.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
