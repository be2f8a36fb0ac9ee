"""Tables of results, made again from stores: what is trained, how it is measured, and how it is shown."""
