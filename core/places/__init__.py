"""Names of places and institutions, and the countries they tell."""
