"""Examples: confirmed repairs that people show to others, with what stood there before and what stands there now."""
