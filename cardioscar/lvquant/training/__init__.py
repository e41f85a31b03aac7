"""How the network is trained: synthetic slices or labelled folders, the loss of several tasks, and figures."""
