"""TFRecord files of images and their objects, without TensorFlow."""
