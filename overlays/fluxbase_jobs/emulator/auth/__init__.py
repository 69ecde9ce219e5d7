"""Who a request comes from: tokens, service keys, client keys, passwords."""
