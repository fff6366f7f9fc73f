"""Several processes on one sweep: what each wanted sweep needs next, and the means of a process to do it."""
