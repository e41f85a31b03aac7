"""Random scar of the left ventricle: infarcts from subendocardial to transmural, mid-wall and patchy fibrosis."""
