"""What the page of one subject says of a quantified cine: numbers, curves over the beat, contours, a moving picture."""
