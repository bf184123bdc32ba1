"""The JSON of the program labelme: a file beside each image."""
