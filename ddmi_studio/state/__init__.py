"""What the window shows, without widgets: the session, the recipe form, the queue, the settings. Only the GUI thread touches it."""
