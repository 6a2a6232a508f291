"""Written-out signatures of what users call, and what is passed to them."""
