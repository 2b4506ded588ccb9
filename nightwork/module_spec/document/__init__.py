"""A spec as a file: its place, its front matter, and what machines read again in it."""
