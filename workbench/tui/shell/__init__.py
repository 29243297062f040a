"""What every screen stands in: the session, the actions, the messages, the dialogs, the bars."""
