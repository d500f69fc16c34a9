"""Stand-ins for what tests cannot have: AWS, an instance's metadata, a host, a model server."""
