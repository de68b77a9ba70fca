"""Pretrained networks that see what pixels do not say."""
