"""Ground floor: the record, settings, taxonomy, partners, sources and text clean-up."""
