"""The files of a new project, as `synergy new` copies them; `@START@` and `@NAME@` are filled in.

They end in `.txt` here, so that nothing takes them for modules of this package.
"""
