"""An acceptance check for its readers: people at a terminal, code scanning (SARIF), test reports (JUnit), programs (JSON)."""
