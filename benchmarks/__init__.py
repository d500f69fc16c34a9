"""Speed and memory of the server, measured beside its peers; never a timed test."""
