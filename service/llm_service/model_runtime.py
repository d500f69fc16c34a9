from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llm_service.chat.chat_template import ChatTemplate
from llm_service.chat.prompt_encoder import PromptEncoder
from llm_service.config import Settings
from llm_service.engine.engine import Engine
from llm_service.engine.engine_config import EngineConfig
from llm_service.engine.errors import InvalidParameterError, UnsupportedModelError
from llm_service.models.errors import ModelLoadError
from llm_service.models.loaded_model import LoadedModel
from llm_service.models.model_loader import load_model
from llm_service.models.progress import Progress

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelRuntime:
    """A loaded model with all that it takes to answer: what the API serves.

    Attributes:
        loaded: The model and what is known about it.
        engine: Generates; started and warmed up.
        encoder: Turns prompts and conversations into tokens.
        template: The chat template in use.
        sampling_defaults: What the model's authors recommend, by name of the sampling field.
        max_batch_size: The most requests that run at once.
    """

    loaded: LoadedModel
    engine: Engine
    encoder: PromptEncoder
    template: ChatTemplate
    sampling_defaults: Mapping[str, Any]
    max_batch_size: int

    @classmethod
    def start(cls, settings: Settings) -> ModelRuntime:
        """Loads the model, starts the engine and answers a first request with it. Takes seconds.

        Raises:
            ModelLoadError: The model cannot be loaded.
            ChatTemplateError: The chat template cannot be read.
        """
        loaded = load_model(
            settings.model_name,
            revision=settings.model_revision,
            cache_dir=settings.model_cache_dir,
            device=settings.device,
            dtype=settings.dtype,
        )
        return cls.from_loaded(loaded, settings)

    @classmethod
    def from_loaded(cls, loaded: LoadedModel, settings: Settings) -> ModelRuntime:
        """Starts the engine on a model that is in memory, and warms it up.

        Raises:
            ChatTemplateError: The chat template cannot be read.
            ModelLoadError: The engine cannot run this model, or the memory does not hold its cache.
        """
        template = ChatTemplate(loaded.tokenizer, settings.chat_template)
        config = EngineConfig(
            max_batch_size=settings.max_batch_size,
            max_context_length=settings.max_context_length,
            max_queue_size=settings.max_queue_size,
            cache_memory_share=settings.cache_memory_share,
            quantization=settings.quantization,
            step_timeout_seconds=settings.step_timeout_seconds,
        )
        try:
            engine = Engine(loaded.model, loaded.tokenizer, config)
        except InvalidParameterError as error:
            raise ModelLoadError(f"{error.field.upper()}={error.value}: {error.remedy}") from error
        except UnsupportedModelError as error:
            raise ModelLoadError(f"MODEL_NAME={loaded.name}: {error}") from error
        engine.start()
        with Progress(log, "warming up"):
            engine.warm_up()
        return cls(
            loaded=loaded,
            engine=engine,
            encoder=PromptEncoder(loaded.tokenizer, template),
            template=template,
            sampling_defaults=loaded.generation_defaults(),
            max_batch_size=settings.max_batch_size,
        )
