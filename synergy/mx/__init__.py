"""The dashboard and the HTTP API: what operators see, and where they ask for changes.

Reads the store, inserts commands; it holds no reference to another process. `routes` is the one
table of what there is; `app` answers a request by it; `model` is what most pages are drawn from.
"""
