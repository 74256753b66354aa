"""The room that serves: admits calls, lines them up, runs them on one worker thread and streams what they say."""
