"""One exchange with the server, and what all plans share: steps, the opening of a call, credentials, retries, what a failure meant."""
