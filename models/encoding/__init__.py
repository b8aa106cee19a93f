"""Columns -> tensors: the encoders that training and serving share."""
