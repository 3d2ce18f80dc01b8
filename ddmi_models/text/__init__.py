"""Text towers: prompts to the tokens that condition a denoiser."""
