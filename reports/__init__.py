"""What people see: report pages, tables, terminal lines."""
