"""Mapillary Vistas. See `datumaro.formats.mapillary_vistas.format`."""
