"""Settings of this project; docs/settings.md lists all. The environment overrides them."""

settings = {
    # The box whose processes the supervisor of this machine starts; see present_on_boxes.
    'box_id': 'dev',
}
