"""The node agent: keeps Cloud Map and the Auto Scaling group true about its instance.

Nothing in this package imports torch, transformers or the rest of the service: the agent shares a
small instance with the model and stays below 100 MiB.
"""
