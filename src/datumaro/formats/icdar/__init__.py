"""ICDAR's competitions of reading text in images."""
