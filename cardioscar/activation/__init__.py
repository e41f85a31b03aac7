"""Late activation: strain through the heartbeat ▸ when each sector begins to shorten, and which are scarred."""
