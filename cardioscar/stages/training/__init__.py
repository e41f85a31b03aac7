"""Networks that subjects share are trained, calibrated, stored, drawn, recorded and registered, whatever the family."""
