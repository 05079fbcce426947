"""The store: DuckDB, and the only place with SQL."""
