from __future__ import annotations

from dataclasses import dataclass

from templates.instance_type import INSTANCE_TYPES, InstanceType

_GIB = 1024**3
_BYTES_PER_WEIGHT = 2  # bfloat16, which the server loads whatever the files hold

# Beside the weights. Host memory: what Python, torch, transformers and gRPC keep resident while
# serving, the system with Docker and node agent, and the swap file of user data that takes their
# cold pages. docs/models.md has the measurements.
_RUNTIME_BYTES = 0.55 * _GIB
_SYSTEM_BYTES = 0.19 * _GIB
_SWAP_BYTES = 0.25 * _GIB
_CUDA_BYTES = 1.0 * _GIB
# Tokens of key-value cache without which a server is of no use: one short conversation.
_CACHE_TOKENS = 2048


@dataclass(frozen=True)
class ModelSize:
    """What a model takes.

    Attributes:
        name: Hub id.
        parameters: Number of weights.
        cache_bytes_per_token: Key-value cache of one token over all layers, in bfloat16.
    """

    name: str
    parameters: float
    cache_bytes_per_token: int

    @property
    def model_bytes(self) -> float:
        """Weights and the least useful cache."""
        return self.parameters * _BYTES_PER_WEIGHT + _CACHE_TOKENS * self.cache_bytes_per_token

    def fits(self, kind: InstanceType) -> bool:
        """Returns whether the model can be served on an instance type."""
        if kind.has_gpu:
            # The host reads the weights by memory map and needs no room for all of them.
            return self.model_bytes + _CUDA_BYTES <= kind.gpu_memory_gib * _GIB
        available = kind.memory_gib * _GIB + _SWAP_BYTES - _SYSTEM_BYTES - _RUNTIME_BYTES
        return self.model_bytes <= available

    def smallest_type(self, *, gpu: bool = False) -> InstanceType | None:
        """Returns the smallest instance type that fits, or None when no known one does."""
        for kind in INSTANCE_TYPES:
            if kind.has_gpu == gpu and self.fits(kind):
                return kind
        return None


def _model(name: str, billions: float, layers: int, kv_heads: int, head_size: int) -> ModelSize:
    return ModelSize(name, billions * 1e9, 2 * layers * kv_heads * head_size * _BYTES_PER_WEIGHT)


# Sizes from each model's configuration on the hub.
MODEL_SIZES: tuple[ModelSize, ...] = (
    _model("HuggingFaceTB/SmolLM2-135M-Instruct", 0.135, 30, 3, 64),
    _model("HuggingFaceTB/SmolLM2-360M-Instruct", 0.362, 32, 5, 64),
    _model("HuggingFaceTB/SmolLM2-1.7B-Instruct", 1.71, 24, 32, 64),
    _model("Qwen/Qwen2.5-0.5B-Instruct", 0.494, 24, 2, 64),
    _model("Qwen/Qwen2.5-1.5B-Instruct", 1.54, 28, 2, 128),
    _model("Qwen/Qwen2.5-7B-Instruct", 7.62, 28, 4, 128),
    _model("Qwen/Qwen3-0.6B", 0.596, 28, 8, 128),
    _model("Qwen/Qwen3-1.7B", 1.72, 28, 8, 128),
    _model("Qwen/Qwen3-4B", 4.02, 36, 8, 128),
    _model("Qwen/Qwen3-8B", 8.19, 36, 8, 128),
    _model("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", 1.78, 28, 2, 128),
    _model("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", 7.62, 28, 4, 128),
    _model("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", 8.03, 32, 8, 128),
    _model("deepseek-ai/DeepSeek-R1-Distill-Qwen-14B", 14.77, 48, 8, 128),
    _model("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", 32.76, 64, 8, 128),
)
