"""Lint rules of our own, for mistakes that cfn-lint 1.58 lets pass. Rule ids start at E9101."""
