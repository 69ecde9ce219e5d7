"""Which job functions the server has, and how a sync changes them."""
