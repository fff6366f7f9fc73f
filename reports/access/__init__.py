"""Who may use the web application, and what each may see and do."""
