"""What the user sees while a command runs."""
