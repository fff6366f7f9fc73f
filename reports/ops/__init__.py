"""Operating: is it running, did it run, and what do the machine's keepers have to know."""
