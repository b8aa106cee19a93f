"""Columns -> tensors: the one encoder, for training and serving."""
