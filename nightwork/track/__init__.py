"""Track operations: numbered documents of a folder that are reviewed, mended, researched and written."""
