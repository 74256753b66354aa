"""gRPC servicers: translate calls and answers, check the token, turn errors into statuses. They decide nothing."""
