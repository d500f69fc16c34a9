class ChatTemplateError(ValueError):
    """The model's chat template refuses the conversation, or the model has none."""
