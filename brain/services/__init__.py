"""gRPC servicers: translate calls and answers, check the token, turn errors into statuses. No decisions of their own."""
