"""The digest: gathered from the store, rendered as HTML and text, delivered."""
