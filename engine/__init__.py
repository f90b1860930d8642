"""CSV to well-shaped MongoDB documents, from one YAML mapping file."""

__version__ = "0.1.0"
