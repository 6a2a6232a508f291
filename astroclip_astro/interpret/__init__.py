"""What a model sees in one object: attention and reconstruction."""
