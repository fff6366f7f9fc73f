"""What samples of pages say of a site, and what they do not; every method with its source, nothing but numbers."""
