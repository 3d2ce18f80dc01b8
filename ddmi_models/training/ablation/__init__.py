"""The paper's ablation in miniature: what basis fields at several scales and coarse-to-fine conditioning each bring."""
