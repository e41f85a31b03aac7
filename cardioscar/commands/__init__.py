"""One module for each command of the command line; its flags come from the dataclasses of the stages."""
