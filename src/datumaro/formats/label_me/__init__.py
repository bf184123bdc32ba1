"""LabelMe's XML, of the web tool of MIT."""
