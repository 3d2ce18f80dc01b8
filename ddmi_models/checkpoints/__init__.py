"""Model files: the native format, the registry of models, the import of official files."""
