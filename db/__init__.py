"""What is kept: vocabulary, tables, migrations, leases."""
