"""The pages of the window and the window itself; scenes are handed in by the composition root."""
