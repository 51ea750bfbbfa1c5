"""How those parts of the bundled suite were made that no hand wrote."""
