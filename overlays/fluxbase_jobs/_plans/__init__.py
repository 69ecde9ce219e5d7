"""What each verb does, as plans: generators that yield steps (send, pause, ask) and are told outcomes. No I/O and no clock in here."""
