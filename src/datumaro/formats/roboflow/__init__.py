"""Roboflow's layouts; see docs/formats/roboflow.md."""
