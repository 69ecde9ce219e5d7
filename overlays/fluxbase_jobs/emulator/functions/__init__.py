"""The job functions of the server: which there are, and how a sync changes them."""
