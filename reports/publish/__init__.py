"""The documents that an office publishes of a test: result, policy, yearly sheet, what is missing, JSON-LD."""
