"""The desktop program: Qt widgets and scenes around the engine `ddmi_models`."""
