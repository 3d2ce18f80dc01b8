"""Mathematics of fields: sampling planes, Gaussian posteriors, likelihoods."""
