"""Parts of pages: cells, maps, charts and rows, as values that templates draw."""
