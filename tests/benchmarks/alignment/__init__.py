"""The benchmark of ingest and alignment: true poses, speed, listing, and what they do for false calls."""
