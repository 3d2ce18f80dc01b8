"""DDMI models: continuous generative models of images and shapes, as functions to be rendered at any resolution."""
