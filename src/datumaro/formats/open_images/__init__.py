"""Open Images. See `datumaro.formats.open_images.format`."""
