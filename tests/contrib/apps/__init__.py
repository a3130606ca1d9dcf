"""Small services, one for each framework: `PUT /tasks/ID` assigns a one-shot, which writes its id into a ledger."""
