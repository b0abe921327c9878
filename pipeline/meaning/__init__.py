"""What the cells mean, as a profile declares it."""
