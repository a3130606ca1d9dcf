"""The pages: each reads a view, which is shown as HTML by its template, and as JSON as it is."""
