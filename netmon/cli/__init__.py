"""Thin click verbs; no decisions."""
