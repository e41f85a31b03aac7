"""How the network is trained: targets and the loss of several tasks."""
