"""What a profile says of prices."""
