"""Plain torch modules, named so that the official checkpoints' keys load as they are."""
