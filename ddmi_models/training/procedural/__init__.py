"""Procedural training data."""
