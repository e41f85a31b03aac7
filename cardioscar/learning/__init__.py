"""What networks share, whatever they learn: optimiser, device, memory, schedules, state of a training, checkpoints."""
