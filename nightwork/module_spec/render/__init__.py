"""Specs as Markdown: bounded, the same bytes for the same input, and whatever text is in them stays text."""
