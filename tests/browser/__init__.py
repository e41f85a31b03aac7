"""Pages as a person opens them, in the browser that is installed."""
