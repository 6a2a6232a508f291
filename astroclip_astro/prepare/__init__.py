"""What a source found -> the arrays the encoders eat."""
