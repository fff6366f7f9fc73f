"""Which pages: addresses, scope, robots, sitemaps, politeness, fetching, browser, exploring, choosing."""
