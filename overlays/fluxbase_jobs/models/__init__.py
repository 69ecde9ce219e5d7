"""What users receive from the verbs and hand to them."""
