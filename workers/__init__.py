"""Workers of the illustration suite: short, so that their shape can be copied."""
