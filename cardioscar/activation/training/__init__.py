"""How the ensemble is trained: phantoms, labelled hearts beside them, and members that a killed training keeps."""
