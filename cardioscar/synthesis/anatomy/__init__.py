"""Random anatomy across the short axis: the left ventricle and all that a picture shows around it."""
