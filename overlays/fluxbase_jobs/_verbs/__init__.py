"""The public methods: their signatures and docstrings; each body hands a plan to the driver."""
