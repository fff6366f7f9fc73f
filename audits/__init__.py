"""What is true: criteria, engine, page audit, conclusions, sweeps."""
