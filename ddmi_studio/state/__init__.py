"""What the window shows, without widgets: session, recipe form, queue, settings. Only the GUI thread touches it."""
