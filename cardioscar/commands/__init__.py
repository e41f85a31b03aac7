"""One module for each command of the command line; flags come from the dataclasses of the stages."""
