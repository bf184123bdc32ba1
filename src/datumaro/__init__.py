"""Datumaro: read, hold, change and write computer vision data sets, at the machine's speed.

The public names. Each is imported when it is first used, so that ``import datumaro`` costs nothing.
"""
