"""Import of the published `.pt` files. They are pickles, so nothing of theirs is ever executed: see `pickles`."""
