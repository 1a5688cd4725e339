"""Noun resources: an endpoint reads its input, calls one verb, answers."""
