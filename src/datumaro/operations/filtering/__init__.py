"""Filters: items and annotations by XPath 1.0 over their XML, or by functions."""
