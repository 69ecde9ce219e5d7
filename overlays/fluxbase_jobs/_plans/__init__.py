"""What each verb does, and in which order: generators that yield steps and do no I/O."""
