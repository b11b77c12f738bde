"""Between records and rows: the only place that knows the order of columns."""
