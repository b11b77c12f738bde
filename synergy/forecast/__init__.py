"""What will be done when, from what is there now: values in, values out."""
