"""Settings of this project; docs/settings.md lists all. The environment overrides them."""

settings: dict[str, object] = {
    # Which processes the Supervisor of this machine starts is said by its box id, see
    # present_on_boxes: `./launch.py super --boxid ID` writes it; `dev` until then. A `box_id` here
    # wins over that.
}
